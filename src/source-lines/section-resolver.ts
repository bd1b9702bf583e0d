import { at } from "../checked-index.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { layOutSections } from "../elf/section-layout.ts";
import { emptyQueries, type Resolver, unknownLocations } from "./resolver.ts";

/**
 * A resolver for a relocatable file, built on resolvers that take offsets in one section.
 *
 * @param ofSection creates the resolver for offsets in a section
 * @returns a resolver for the addresses of `layOutSections`
 */
export function sectionResolver(elf: ElfFile, ofSection: (name: string) => Resolver): Resolver {
  const bases = layOutSections(elf);
  return {
    async resolve(queries) {
      // Resolvers of single sections know no units.
      const locations = unknownLocations(queries.count);
      for (const { index, name, size } of elf.sections) {
        const base = at(bases, index);
        if (base === 0) continue;
        const asked: number[] = [];
        queries.addressLow.forEach((address, query) => {
          if (address >= base && address <= base + size) asked.push(query);
        });
        if (asked.length === 0) continue;
        const inSection = emptyQueries(asked.length);
        asked.forEach((query, i) => {
          inSection.addressLow[i] = at(queries.addressLow, query) - base;
          inSection.size[i] = at(queries.size, query);
        });
        const found = await ofSection(name).resolve(inSection);
        asked.forEach((query, i) => {
          const file = at(found.file, i);
          locations.file[query] = file === -1 ? -1 : file + locations.files.length;
          locations.line[query] = at(found.line, i);
          locations.via[query] = at(found.via, i);
        });
        locations.files.push(...found.files);
      }
      return locations;
    },
  };
}
