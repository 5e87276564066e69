/** A number as GLSL's float. */
export function float(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text.replace(/^(-?\d+)e/, "$1.0e") : `${text}.0`;
}

export function uint(value: number): string {
  return `${value}u`;
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** A constant array; of one value too, because GLSL has no other way to index it. */
export function constants(type: string, name: string, values: readonly string[]): string {
  return `const ${type} ${name}[${values.length}] = ${type}[${values.length}](${values.join(", ")});`;
}
