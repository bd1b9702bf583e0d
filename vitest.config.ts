import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: process.env["KAS_ALIAS_KERNELS"] === undefined ? ["test/kernel/**"] : [],
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
