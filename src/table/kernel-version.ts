import { compareTexts } from "./symbol-order.ts";

/**
 * Compares kernel releases as dpkg compares versions (verrevcmp in lib/dpkg/version.c): digits by their value, the text
 * between them with letters before other characters. A release candidate, `-rc1`, comes before its release, as `~rc1` does in Debian's packages.
 *
 * @returns below 0 when a is older, above 0 when b is older, 0 when neither is
 * @example
 * console.log(["6.12.9", "6.1.192", "6.12.10", "6.12-rc1"].sort(compareKernelVersions));
 */
export function compareKernelVersions(a: string, b: string): number {
  const [x, y] = [asDebian(a), asDebian(b)];
  for (let i = 0, k = 0; i < x.length || k < y.length; ) {
    while ((i < x.length && !isDigit(x, i)) || (k < y.length && !isDigit(y, k))) {
      const order = rank(x, i++) - rank(y, k++);
      if (order !== 0) return order;
    }
    const [m, n] = [digits(x, i), digits(y, k)];
    i += m.length;
    k += n.length;
    const order = compareNumbers(m, n);
    if (order !== 0) return order;
  }
  return 0;
}

/** A release in the form of Debian's package versions. */
function asDebian(release: string): string {
  return release.replace(/-(?=rc[0-9])/, "~");
}

function isDigit(text: string, at: number): boolean {
  const character = text.charAt(at);
  return character >= "0" && character <= "9";
}

/** The rank of a character; the end of the text and digits come before all others except the tilde. */
function rank(text: string, at: number): number {
  const character = text.charAt(at);
  if (character === "" || isDigit(text, at)) return 0;
  if (character === "~") return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

function digits(text: string, from: number): string {
  let end = from;
  while (isDigit(text, end)) end++;
  return text.slice(from, end);
}

function compareNumbers(a: string, b: string): number {
  const [m, n] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return m.length - n.length || compareTexts(m, n);
}
