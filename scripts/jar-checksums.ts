/** Prints the SHA-256 list of a server's jars anew: `node --conditions=source scripts/jar-checksums.ts kafka`. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jarSets, type JarsName } from '../src/local/jars/catalog.ts'
import { runMaven, sha256 } from '../src/local/jars/ensure.ts'

const names = process.argv.slice(2) as JarsName[]
for (const name of names.length > 0 ? names : (Object.keys(jarSets) as JarsName[])) {
  const set = jarSets[name]
  const work = await mkdtemp(join(tmpdir(), 'weirhouse-checksums-'))
  try {
    const lib = await runMaven(work, set, {})
    const lines = await Promise.all(
      (await readdir(lib)).sort().map(async (file) => `  '${file}': '${await sha256(join(lib, file))}',`),
    )
    const head = `/** ${set.title} ${set.version}: file -> SHA-256, made by scripts/jar-checksums.ts. */`
    const file = new URL(`../src/local/jars/checksums/${name}.ts`, import.meta.url)
    await writeFile(file, [head, 'export const checksums = {', ...lines, '} as const', ''].join('\n'))
    console.log(`${name}: ${lines.length} files`)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
