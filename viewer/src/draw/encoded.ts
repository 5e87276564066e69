/** What is on a canvas now, as PNG. What WebGL has drawn must have been drawn in the same task. */
export function encoded(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null) reject(new Error("the browser did not make a picture of the canvas"));
      else resolve(blob);
    });
  });
}
