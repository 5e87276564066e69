import { expect, test } from "vitest";
import { bytes, duration, filename, milliseconds, number, short, significant } from "../src/format";

test.each([
  [0, "0"], [0.123456, "0.1235"], [-1.5, "−1.500"], [123.456, "123.5"], [1234.5, "1235"], [1e-7, "1.00e−7"],
  [2.5e8, "2.50e+8"], [NaN, "not a number"], [-Infinity, "−∞"],
])("number %s", (value, text) => {
  expect(number(value)).toBe(text);
});

test.each([[0, "0"], [999, "999"], [755_123, "755 k"], [1_000_000, "1.0 M"], [9_990, "10 k"], [12_500_000, "13 M"]])(
  "short %s",
  (value, text) => {
    expect(short(value)).toBe(text);
  },
);

test("digits that count", () => {
  expect([0, 0.0017234, 1e-5, 0.01, 1234.5, -2e7].map(significant)).toEqual([
    "0", "0.00172", "1.00e−5", "0.01", "1230", "−2.00e+7",
  ]);
});

test("durations, bytes, milliseconds, names", () => {
  expect([0, 75, 3600, 86_399.6].map(duration)).toEqual(["0:00", "1:15", "1:00:00", "24:00:00"]);
  expect([10, 56_000, 2_400_000].map(bytes)).toEqual(["1 kB", "56 kB", "2.4 MB"]);
  expect([1.23, 20.4, 31_000].map(milliseconds)).toEqual(["1.2 ms", "20 ms", "31.0 s"]);
  expect(["a/b c.png", "../..", "Zürich 2"].map(filename)).toEqual(["a-b-c.png", "field", "Zürich-2"]);
});
