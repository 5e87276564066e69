/** Hands bytes to the browser, which saves them where it saves downloads. */
export function save(name: string, data: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  // Not at once: some browsers read it only after the click has been handled.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
