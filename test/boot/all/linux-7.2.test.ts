import { expect, test } from "vitest";
import { copyOf, restoreTree, sourceOf } from "../kernel-build.ts";
import { succeed } from "../stock-kernel.ts";
import { testWrapper } from "./nm-wrapper.ts";

const source = copyOf(sourceOf("7.2"), "hook");
const { build, vmlinux } = testWrapper(source, [".tmp_vmlinux1", ".tmp_vmlinux2"], false);

test("the hook gives the same vmlinux as the wrapper", () => {
  const wrapped = vmlinux();
  succeed("kernel", "install", source.tree);
  try {
    build.configure("-e", "KALLSYMS_ALIAS_SRCLINE");
    build.must("vmlinux", "modules");
    expect(build.sha256("vmlinux")).toBe(wrapped);
  } finally {
    succeed("kernel", "remove", source.tree);
  }
  build.configure();
  restoreTree(source);
}, 1_800_000);
