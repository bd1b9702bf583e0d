// Random choices that depend on a text alone, so that an input can be made again on any machine.
import { createHash } from "node:crypto";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { defined } from "../defined.ts";

export interface Random {
  /** A whole number from 0 to `limit` - 1; 0 for a limit of 0. */
  readonly below: (limit: number) => number;
  readonly pick: <T>(list: readonly T[]) => NonNullable<T>;
  readonly chance: (probability: number) => boolean;
}

/** The choices that a text stands for. */
export function randomOf(text: string): Random {
  const generator = xoroshiro128plus(createHash("sha256").update(text).digest().readInt32LE());
  const below = (limit: number) => uniformInt(generator, 0, Math.max(0, limit - 1));
  return {
    below,
    pick: (list) => defined(list[below(list.length)], "a choice"),
    chance: (probability) => below(1 << 20) < probability * (1 << 20),
  };
}
