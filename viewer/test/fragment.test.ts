import { expect, test } from "vitest";
import { read, written } from "../src/fragment";

test("settings come back, to six digits", () => {
  const settings = { shown: 2, mode: "error", view: { centre: [0.123456789, -1], zoom: 16 } };
  expect(read(written(settings)).settings).toEqual({
    shown: 2, mode: "error", view: { centre: [0.123457, -1], zoom: 16 },
  });
});

test("the token is read, and never written", () => {
  const fragment = read("#token=abc&view=%7B%22shown%22%3A1%7D");
  expect(fragment).toEqual({ token: "abc", settings: { shown: 1 } });
  expect(written(fragment.settings)).not.toContain("abc");
});

test.each(["", "#", "#view=%7B%22a", "#nonsense", "#view=%E0%A4%A"])("a broken address opens: %s", (hash) => {
  expect(read(hash)).toEqual({ token: null, settings: null });
});
