import { describe, expect, test } from "vitest";
import { disambiguate } from "../../src/alias/disambiguate.ts";

function told(aliases: (string | null)[], symbols: string[] = [], limit = Number.POSITIVE_INFINITY) {
  const result = disambiguate(
    aliases,
    (name) => symbols.includes(name),
    (index, ordinal) => {
      const alias = `${aliases[index]}_${ordinal}`;
      return alias.length < limit ? alias : null;
    },
  );
  return result.aliases.map((alias, i) => [alias, result.ordinals[i]]);
}

describe("equal aliases", () => {
  test("get ordinals from the second on", () => {
    expect(told(["a", "b", "a", "a", "b"])).toEqual([
      ["a", 0],
      ["b", 0],
      ["a_2", 2],
      ["a_3", 3],
      ["b_2", 2],
    ]);
  });

  test("skip an ordinal whose alias another symbol has without an ordinal, in any order", () => {
    expect(told(["a", "a", "a", "a_2", "a_4"])).toEqual([
      ["a", 0],
      ["a_3", 3],
      ["a_5", 5],
      ["a_2", 0],
      ["a_4", 0],
    ]);
  });

  test("skip an ordinal whose alias is a symbol", () => {
    expect(told(["a", "a"], ["a_2", "a_3"])).toEqual([
      ["a", 0],
      ["a_4", 4],
    ]);
  });

  test("and aliases that are a symbol's name get an ordinal too", () => {
    expect(told(["a"], ["a"])).toEqual([["a_2", 2]]);
    expect(told(["a", "a"], ["a", "a_2"])).toEqual([
      ["a_3", 3],
      ["a_4", 4],
    ]);
  });

  test("are dropped from the first one that is too long with its ordinal", () => {
    expect(told(["aaaa", "aaaa", "b"], [], 6)).toEqual([
      ["aaaa", 0],
      [null, 0],
      ["b", 0],
    ]);
  });

  test("do not arise from symbols without an alias", () => {
    expect(told([null, "a", null])).toEqual([
      [null, 0],
      ["a", 0],
      [null, 0],
    ]);
  });
});
