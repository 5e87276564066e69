import { float, range } from "./glsl";
import { fours } from "./layout";

/** `void nf_harmonics<degree>(vec3 v, out vec4 y[...])`: real spherical harmonics, as in Python. */
export function harmonicsFunction(degree: number): string {
  const lines: string[] = [];
  for (const m of range(degree)) {
    if (m > 0) lines.push(`  turned = vec2(v.x * turned.x - v.y * turned.y, v.x * turned.y + v.y * turned.x);`);
    lines.push(`  before = 0.0; now = ${float(factorialOfOdd(m))};`);
    for (let l = m; l < degree; l++) {
      if (l > m) {
        lines.push(
          `  next = (${float((2 * l - 1) / (l - m))} * v.z * now - ${float((l + m - 1) / (l - m))} * before); before = now; now = next;`,
        );
      }
      const middle = l * (l + 1);
      const scaled = `${float(factor(l, m))} * now`;
      if (m === 0) lines.push(`  ${value(middle)} = ${scaled};`);
      else lines.push(`  ${value(middle - m)} = ${scaled} * turned.y; ${value(middle + m)} = ${scaled} * turned.x;`);
    }
  }
  return `void nf_harmonics${degree}(vec3 v, out vec4 y[${fours(degree * degree)}]) {
  y[${fours(degree * degree) - 1}] = vec4(0.0);
  vec2 turned = vec2(1.0, 0.0);
  float before, now, next;
${lines.join("\n")}
}`;
}

function value(number: number): string {
  return `y[${number >> 2}].${"xyzw".charAt(number & 3)}`;
}

/** 1 * 3 * 5 * ... * (2 m - 1). */
function factorialOfOdd(m: number): number {
  return range(m).reduce((product, i) => product * (2 * i + 1), 1);
}

function factor(l: number, m: number): number {
  const factorial = (n: number): number => (n > 1 ? n * factorial(n - 1) : 1);
  const square = (((2 * l + 1) / (4 * Math.PI)) * factorial(l - m)) / factorial(l + m);
  return (m % 2 ? -1 : 1) * Math.sqrt(m ? 2 * square : square);
}
