// The options of the library: what is not given, or undefined, has its default.
import { describe, expect, test } from "vitest";
import { aliasVmlinux } from "../../src/alias/alias-vmlinux.ts";
import { modulesOptions, vmlinuxOptions } from "../../src/alias/options.ts";
import { DEBUG_DIRECTORIES } from "../../src/elf/debug-link.ts";
import { Failure } from "../../src/failure.ts";

test("an undefined option has its default", () => {
  const undefinedOptions = { separator: undefined, filters: undefined, sourceRoots: undefined } as object;
  expect(vmlinuxOptions(undefinedOptions)).toEqual(vmlinuxOptions({}));
  expect(modulesOptions({ debugDirectories: undefined } as object)).toEqual(modulesOptions({}));
  expect(modulesOptions({}).debugDirectories).toEqual(DEBUG_DIRECTORIES);
});

test("given options replace defaults, those of vmlinux in a run over modules too", () => {
  const given = { separator: "!", data: true, scope: "object" } as const;
  expect(modulesOptions(given)).toMatchObject(given);
});

describe("wrong usage is a Failure:", () => {
  test.each(["", "\n", " ", "AB", "@@", "é", "_"])("the separator %j", (separator) => {
    expect(() => vmlinuxOptions({ separator })).toThrow(
      expect.objectContaining({ name: "Failure", code: "WRONG_USAGE" }),
    );
  });

  test("an input without an image", async () => {
    await expect(aliasVmlinux({})).rejects.toThrow(Failure);
  });
});
