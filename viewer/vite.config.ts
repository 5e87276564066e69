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
      part.code = part.code.replace(/\n *\/\/.*(?=\n)/g, "").replace(/\n +/g, "\n").replace(/([;{}])\n+(?!#)/g, "$1");
    }
  },
};

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
