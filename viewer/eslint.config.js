import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", "*.config.js"] },
  ...tseslint.configs.strict,
  {
    rules: {
      // Indices into typed arrays and tuples of known length are checked by the length, not one by one.
      "@typescript-eslint/no-non-null-assertion": "off",
      "eqeqeq": ["error", "smart"],
      "no-console": "error",
    },
  },
);
