import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nodeFault } from "../scripts/node-version.mjs";

test.each([
  ["12.22.12", "20.19"],
  ["18.20.4", "20.19"],
  ["20.18.3", "20.19"],
  ["21.7.3", "22.3"],
  ["22.2.0", "22.3"],
])("Node.js %s is refused", (version, needed) => {
  expect(nodeFault(version)).toBe(`kas-alias: needs Node.js ${needed} or later; this is ${version}`);
});

test.each(["20.19.0", "20.20.2", "22.3.0", "23.0.0", "26.12.1", "100.0.0", process.versions.node])(
  "Node.js %s is supported",
  (version) => {
    expect(nodeFault(version)).toBe("");
  },
);

test("package.json gives the same versions", () => {
  const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(engines).toEqual({ node: "^20.19 || >=22.3" });
});
