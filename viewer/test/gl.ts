/** What was put into a texture: first row, texels and rows, and the values from a place on. */
export interface Upload {
  readonly rows: readonly [number, number, number];
  readonly format: string;
  readonly type: string;
  readonly values: Float32Array | Uint16Array | Uint8Array;
  readonly from: number;
}

/** A context that keeps what is put into parts of its textures; constants are their names. */
export function context(): { gl: WebGL2RenderingContext; uploads: Upload[] } {
  const uploads: Upload[] = [];
  const known: Record<string, unknown> = {
    createTexture: () => ({}),
    getParameter: () => 16384,
    texSubImage2D: (_t: string, _l: number, _x: number, y: number, w: number, h: number, ...rest: unknown[]) => {
      const [format, type, values, from = 0] = rest as [string, string, Upload["values"], number?];
      uploads.push({ rows: [y, w, h], format, type, values, from });
    },
  };
  const get = (_: object, name: string): unknown => known[name] ?? (/^[A-Z]/.test(name) ? name : () => undefined);
  return { gl: new Proxy({}, { get }) as WebGL2RenderingContext, uploads };
}
