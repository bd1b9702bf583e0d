/** Control characters, and the separators, marks and overrides of direction that change how a terminal shows the text around them. */
const UNPRINTABLE = /(?!\t)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * A text that stays in its line, and that a terminal shows as it is: other characters are written as `\x1b` or `\u202e`. Tabs stay. For
 * names and paths, which come from files that anyone may have made.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const digits = character.charCodeAt(0).toString(16);
    return digits.length > 2 ? `\\u${digits.padStart(4, "0")}` : `\\x${digits.padStart(2, "0")}`;
  });
}

/** Lines of a text, each as `printable` writes it. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** Whether a name has a control character, which the readers of listings and tables refuse. */
export function hasControl(name: string): boolean {
  return /\p{Cc}/u.test(name);
}
