// Checks of values that JSON.parse has read.

export type JsonObject = Record<string, unknown>;
export type Check = (value: unknown) => boolean;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object in a text, undefined for a text that is not JSON or not an object. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A control character in a name would break the lines of a listing. */
export function isName(value: unknown): value is string {
  return isText(value) && value !== "" && !/\p{Cc}/u.test(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The first key that is missing or has a value of the wrong kind, in words. */
export function faulty(object: JsonObject, checks: Readonly<Record<string, Check>>): string | undefined {
  for (const key in checks) {
    if (object[key] === undefined) return `no "${key}"`;
    if (checks[key]?.(object[key]) === false) return `"${key}" has a value of the wrong kind`;
  }
  return undefined;
}
