import { describe, expect, test } from "vitest";
import { relativeSource, sourceRoots } from "../../src/source-lines/source-root.ts";

/** A path made relative, with `init/main.c` recorded as `main`, in a unit compiled in `directory`. */
function relative(
  main: string | undefined,
  directory: string | null,
  path: string,
  given: string[] = [],
): string {
  return relativeSource(sourceRoots(given, main), { path, compilationDirectory: directory });
}

describe("Debian's kernels", () => {
  const build = "debian/build/build_amd64_none_cloud-amd64";
  const main = `${build}/init/main.c`;

  test("record C sources under a relative compilation directory", () => {
    expect(relative(main, build, `${build}/arch/x86/kernel/head64.c`)).toBe("arch/x86/kernel/head64.c");
    expect(relative(main, build, `${build}/include/linux/topology.h`)).toBe("include/linux/topology.h");
  });

  test("record generated sources there too", () => {
    expect(relative(main, build, `${build}/./include/generated/timeconst.h`)).toBe(
      "include/generated/timeconst.h",
    );
  });

  test("record assembly with its whole path (6.1)", () => {
    const tree = "/build/reproducible-path/linux-6.1.192";
    expect(relative(main, `${tree}/${build}`, `${tree}/arch/x86/kernel/head_64.S`)).toBe(
      "arch/x86/kernel/head_64.S",
    );
    expect(relative(main, `${tree}/${build}`, `${tree}/${build}/arch/x86/entry/thunk.S`)).toBe(
      "arch/x86/entry/thunk.S",
    );
  });
});

describe("a kernel built outside its source tree", () => {
  const main = "/home/me/build/../linux/init/main.c";

  test("has its sources next to the build directory", () => {
    expect(relative(main, "/home/me/build", "/home/me/build/../linux/kernel/fork.c")).toBe("kernel/fork.c");
    expect(relative(main, "/home/me/build", "/home/me/linux/kernel/fork.c")).toBe("kernel/fork.c");
  });

  test("has generated sources in the build directory", () => {
    expect(relative(main, "/home/me/build", "/home/me/build/kernel/bounds.c")).toBe("kernel/bounds.c");
  });

  test("may have the build directory inside the source tree", () => {
    const directory = "/src/linux/out";
    expect(relative("/src/linux/init/main.c", directory, "/src/linux/out/include/generated/x.h")).toBe(
      "include/generated/x.h",
    );
    expect(relative("/src/linux/init/main.c", directory, "/src/linux/mm/slub.c")).toBe("mm/slub.c");
  });

  test("may have a source tree inside the build directory", () => {
    expect(relative("/out/src/init/main.c", "/out", "/out/src/mm/slub.c")).toBe("mm/slub.c");
    expect(relative("/out/src/init/main.c", "/out", "/out/kernel/bounds.c")).toBe("kernel/bounds.c");
  });
});

describe("a kernel built in its source tree", () => {
  test("may or may not record the tree", () => {
    expect(relative("/usr/src/linux/init/main.c", "/usr/src/linux", "/usr/src/linux/mm/slub.c")).toBe(
      "mm/slub.c",
    );
    expect(relative("init/main.c", "/usr/src/linux", "mm/slub.c")).toBe("mm/slub.c");
    expect(relative("./init/main.c", "/usr/src/linux", "./mm/slub.c")).toBe("mm/slub.c");
    expect(relative("init/main.c", "/usr/src/linux", "/usr/src/linux/mm/slub.S")).toBe("mm/slub.S");
  });

  test("may be at the root of the file system", () => {
    expect(relative("/init/main.c", "/", "/mm/slub.c")).toBe("mm/slub.c");
  });
});

describe("roots that are given", () => {
  test("take precedence over detected ones", () => {
    expect(relative("/a/b/init/main.c", "/a/b", "/a/b/mm/slub.c", ["/a"])).toBe("b/mm/slub.c");
    expect(relative("/a/init/main.c", "/a", "/a/b/mm/slub.c", ["/a/b"])).toBe("mm/slub.c");
  });

  test("may be several; the longest match wins", () => {
    expect(relative(undefined, null, "/a/b/mm/slub.c", ["/a", "/a/b", "/c"])).toBe("mm/slub.c");
    expect(relative(undefined, null, "/c/mm/slub.c", ["/a", "/a/b", "/c/"])).toBe("mm/slub.c");
  });

  test("leave paths that do not match to the others", () => {
    expect(relative("/a/init/main.c", "/a", "/a/mm/slub.c", ["/elsewhere"])).toBe("mm/slub.c");
  });

  test("are whole directories", () => {
    expect(relative(undefined, null, "/linux-6.1/mm/slub.c", ["/linux"])).toBe("linux-6.1/mm/slub.c");
  });

  test("are normalised", () => {
    expect(relative(undefined, null, "/a/b/../c/mm/slub.c", ["/a/./c//"])).toBe("mm/slub.c");
  });
});

describe("a path outside every root", () => {
  test("loses only the part that leads out of the tree", () => {
    expect(relative("/a/init/main.c", "/a", "/usr/include/stdio.h")).toBe("usr/include/stdio.h");
    expect(relative(undefined, null, "../../x/y.c")).toBe("x/y.c");
    expect(relative(undefined, null, "./y.c")).toBe("y.c");
  });

  test("has no root if init/main.c is another file", () => {
    expect(relative("/a/myinit/main.c", null, "/a/mm/slub.c")).toBe("a/mm/slub.c");
  });
});
