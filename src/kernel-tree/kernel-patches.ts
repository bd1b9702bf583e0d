/** The patches that put the hook into kernels of one series. */
export interface KernelSeries {
  /** `6.12` */
  readonly name: string;
  /** In git's format, to be applied in this order. */
  readonly patches: readonly string[];
}

/** What scripts/build.mjs reads from scripts/kernel and puts into the bundle. */
declare const KERNEL_PATCHES: string;

export function kernelPatches(): readonly KernelSeries[] {
  return JSON.parse(KERNEL_PATCHES);
}
