import { isCount, isName, isText } from "./json-values.ts";

/** The kind of values in a column of the alias table, and their written form. */
export interface Kind<T> {
  /** Whether a value that JSON.parse has read is of this kind. */
  readonly check: (value: unknown) => value is T;
  /**
   * A regular expression, without capturing groups, for the form in which JSON.stringify writes most of the values. Every
   * match passes the check. Values in another form, such as texts with escapes, are read with JSON.parse.
   */
  readonly form: string;
  /** The delimiter on both sides of the form: a text's quotes. */
  readonly quote: '"' | "";
  /** Converts the written form to its value. */
  readonly parse: (form: string) => T;
  /** Whether null is allowed too. */
  readonly nullable?: true;
  /** The edition of the schema that added the column; undefined for the first edition. */
  readonly edition?: number;
}

// Texts without escapes and control characters.
const CHARACTER = '[^"\\\\\\x00-\\x1f\\x7f-\\x9f]';
const asItIs = (form: string) => form;

export const TEXT: Kind<string> = { check: isText, form: `${CHARACTER}*`, quote: '"', parse: asItIs };

export const NAME: Kind<string> = { check: isName, form: `${CHARACTER}+`, quote: '"', parse: asItIs };

/** One printable character. */
export const LETTER: Kind<string> = {
  check: (value): value is string => isText(value) && /^[!-~]$/.test(value),
  form: "[!#-[\\]-~]",
  quote: '"',
  parse: asItIs,
};

/** Up to 16 hexadecimal digits. */
export const ADDRESS: Kind<string> = {
  check: (value): value is string => isText(value) && /^[0-9a-f]{1,16}$/.test(value),
  form: "[0-9a-f]{1,16}",
  quote: '"',
  parse: asItIs,
};

export const COUNT: Kind<number> = {
  check: isCount,
  form: "(?:0|[1-9][0-9]{0,14})",
  quote: "",
  parse: Number,
};

/** Small counts are below this number, which leaves three bits of a 32-bit integer free for other uses. */
export const SMALL_COUNT_LIMIT = 1 << 29;

export const SMALL_COUNT: Kind<number> = {
  check: (value): value is number => isCount(value) && value < SMALL_COUNT_LIMIT,
  form: "(?:0|[1-9][0-9]{0,7})",
  quote: "",
  parse: Number,
};

/** The number of a parameter, from 1. */
export const PARAMETER: Kind<number> = { ...COUNT, form: "[1-9][0-9]{0,6}" };

/** Arrays with items of one kind. */
export function listOf<T>(item: Kind<T>): Kind<readonly T[]> {
  const form = valueForm(item);
  return {
    check: (value): value is T[] => Array.isArray(value) && value.every(item.check),
    form: `\\[(?:${form}(?:,${form})*)?\\]`,
    quote: "",
    parse: (text) => JSON.parse(text),
  };
}

export function orNull<T>(kind: Kind<T>): Kind<T | null> {
  return {
    ...kind,
    check: (value): value is T | null => value === null || kind.check(value),
    nullable: true,
  };
}

/**
 * A column that older tables lack; their rows have null there.
 *
 * @param edition from 2; the columns of one edition were added together, after those of earlier editions
 */
export function fromEdition<T>(edition: number, kind: Kind<T | null> & { nullable?: true }): Kind<T | null> {
  return { ...kind, edition };
}

/** The regular expression for a whole value. @param group the beginning of the group around what `parse` takes */
export function valueForm({ form, quote, nullable }: Kind<unknown>, group: "(" | "(?:" = "(?:"): string {
  const value = `${quote}${group}${form})${quote}`;
  return nullable ? `(?:null|${value})` : value;
}
