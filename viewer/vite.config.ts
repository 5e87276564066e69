import type { Plugin } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";
import { defineConfig } from "vitest/config";

/** Takes out of shaders what only people read. Only texts of several lines have ends of lines when this runs. */
const shaders: Plugin = {
  name: "shaders",
  enforce: "post",
  generateBundle(_, bundle) {
    for (const part of Object.values(bundle)) {
      if (part.type !== "chunk") continue;
      const lines = part.code.replace(/\n *\/\/.*(?=\n)/g, "").split(/\n */).map(narrow);
      part.code = lines.join("\n").replace(/([;{}])\n+(?!#)/g, "$1");
    }
  },
};

/** A line of GLSL without the spaces that it does not need; one with anything else in it stays as it is. */
const narrow = (line: string): string =>
  /[#"'`$]/.test(line) ? line : line.replace(/ ?([*/=<>,?:&|(){};]) ?/g, "$1");

export default defineConfig({
  plugins: [shaders, viteSingleFile({ removeViteModuleLoader: true })],
  build: {
    outDir: "../neuralfields/viewer/static",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    modulePreload: false,
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
