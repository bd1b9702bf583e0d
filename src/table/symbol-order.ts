/** Orders texts by their UTF-16 units. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Orders objects: vmlinux, then the modules by name. */
export function compareObjects(a: string, b: string): number {
  return Number(b === "vmlinux") - Number(a === "vmlinux") || compareTexts(a, b);
}
