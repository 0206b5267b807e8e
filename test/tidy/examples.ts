/** What the documentation shows, against what there is: TypeScript, commands, links, sections. */
import { CommanderError } from 'commander'
import { posix } from 'node:path'
import { buildProgram } from '../../src/cli/parser.ts'
import { verbs } from '../../src/cli/verbs.ts'
import type { SourceFile } from './tree.ts'

interface Block {
  readonly language: string
  readonly text: string
}

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^( *)```(\w*)\n([^]*?)^\1```$/gm)].map(([, indent, language, text]) => ({
    language: language!,
    text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }))
}

/** TypeScript blocks that stand in none of the files, one line each. */
export function looseCode(pages: readonly SourceFile[], files: readonly SourceFile[]): string[] {
  return pages.flatMap(({ path, text }) =>
    blocksOf(text)
      .filter(({ language }) => language === 'ts' || language === 'typescript')
      .filter((block) => !files.some((file) => file.text.includes(block.text)))
      .map((block) => `${path}: no file holds the block that begins with "${block.text.split('\n')[0]}"`),
  )
}

interface Shown {
  readonly args: readonly string[]
  /** In a block, to be typed as it is; else in running text, where required options may be left out. */
  readonly whole: boolean
}

/** The lines of `weirhouse` and `npm start` that a page shows. */
export function commandsOf(page: string): Shown[] {
  const blocks = blocksOf(page).filter(({ language }) => language === 'sh')
  const prose = page.replaceAll(/^( *)```[^]*?^\1```$/gm, '')
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!)
  return [
    ...blocks.flatMap(({ text }) =>
      text.split('\n').flatMap((line) => argsOf(line).map((args) => ({ args, whole: true }))),
    ),
    ...spans.flatMap((span) => argsOf(span).map((args) => ({ args, whole: false }))),
  ]
}

/** Arguments of each command in a line of shell: in pipes, after `&&`, in `$(...)`. */
function argsOf(line: string): string[][] {
  const inner: string[][] = []
  const flat = line.replaceAll(/\$\(([^()]*)\)/g, (_, text: string) => {
    inner.push(...argsOf(text))
    return 'X'
  })
  const outer = flat.split(/\s*(?:\|\||&&|[|;])\s*/).flatMap((part) => {
    const text = part.replace(/\s+#.*$/, '').replaceAll(/\s[<>]\s*\S+/g, '')
    const found = /^(?:(?:npx )?weirhouse|npm (start)(?: --)?)(?:\s+(.*))?$/.exec(text)
    if (!found) return []
    const words = found[2]?.match(/"[^"]*"|'[^']*'|\S+/g) ?? []
    const args = [...(found[1] ? [found[1]] : []), ...words.map((word) => word.replaceAll(/^["']|["']$/g, ''))]
    // `weirhouse` alone is the name; `<verb>`, `VERB` and `--help` stand for any.
    return /^[a-z]/.test(args[0] ?? '') ? [args] : []
  })
  return [...inner, ...outer]
}

const INCOMPLETE = new Set([
  'commander.missingMandatoryOptionValue',
  'commander.missingArgument',
  'commander.optionMissingArgument',
  'commander.help',
])

/** Commands that the command line's own parser refuses, one line each. */
export async function wrongCommands(pages: readonly SourceFile[]): Promise<string[]> {
  const loaded = new Map(
    await Promise.all(verbs.map(async ({ name, load }) => [name, (await load()).command] as const)),
  )
  const faultOf = ({ args, whole }: Shown): string | undefined => {
    const program = buildProgram('0', loaded, () => undefined)
    for (const each of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
      each.configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    try {
      program.parse([...args], { from: 'user' })
      return undefined
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error
      return !whole && INCOMPLETE.has(error.code) ? undefined : error.message
    }
  }
  return pages.flatMap(({ path, text }) =>
    commandsOf(text).flatMap((shown) => {
      const fault = faultOf(shown)
      return fault === undefined ? [] : [`${path}: weirhouse ${shown.args.join(' ')}: ${fault}`]
    }),
  )
}

/** Links of the pages that lead to no file, and named sections that no page has. */
export function wrongLinks(
  pages: readonly SourceFile[],
  files: readonly SourceFile[],
  exists: (path: string) => boolean,
) {
  const links = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)]
      .map(([, to]) => posix.join(posix.dirname(path), to!))
      .filter((to) => !exists(to))
      .map((to) => `${path}: ${to} is not there`),
  )
  const sections = files.flatMap(({ path, text }) =>
    [...text.matchAll(/docs\/([\w-]+\.md)\)?, "([^"\n]+)"/g)]
      .filter(([, page, title]) => !pages.some((each) => each.path === `docs/${page}` && hasHeading(each.text, title!)))
      .map(([, page, title]) => `${path}: docs/${page} has no section "${title}"`),
  )
  return [...links, ...sections]
}

/** A heading, or the bold word that begins a paragraph. */
function hasHeading(page: string, title: string): boolean {
  return page.split('\n').some((line) => /^#+ (.*)$/.exec(line)?.[1] === title || line.startsWith(`**${title}**`))
}
