// Checks of values that JSON.parse has read.

export type JsonObject = Record<string, unknown>;
export type Check = (value: unknown) => boolean;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** More levels of nesting than any table has; JSON.stringify fails for some thousands. */
const DEEPEST = 100;

/** The object in a text, undefined for a text that is not JSON, not an object, or nested too deeply. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && !isDeep(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isDeep(object: JsonObject): boolean {
  let level: unknown[] = [object];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
  return false;
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
