/** The settings of one client.properties: asked for by key, with faults that name their place and hide what is secret. */
import { WeirError } from '../core/errors.ts'
import { parseJavaProperties, PropertiesFault, type Property } from './java-properties.ts'

export interface PropertyFault {
  readonly expected: string
  /** What to do; empty where `expected` says it. */
  readonly advice?: string
  /** Instead of the value. */
  readonly got?: string
}

export interface PropertySet {
  /** The value, of doubles the last one; undefined where it is not given. Counts as used from then on. */
  take(key: string): string | undefined
  /** Throws where the key is missing. */
  need(key: string, fault: PropertyFault): string
  /** One of the words, in whatever case; the first where the key is missing. */
  choose<Word extends string>(key: string, words: readonly [Word, ...Word[]], advice?: string): Word
  fault(key: string, fault: PropertyFault): WeirError
  /** Those that nobody asked for, in order. */
  unused(): readonly string[]
}

/** Of these Kafka hides the values too. */
const SECRET =
  /^(?:sasl\.jaas\.config|.*\.password|ssl\.keystore\.(?:key|certificate\.chain)|ssl\.truststore\.certificates)$/

/** Throws WEIR_KAFKA_PROPERTIES where the text is no property file. */
export function readPropertySet(file: string, text: string): PropertySet {
  const entries = new Map<string, Property>(parse(file, text).map((property) => [property.key, property]))
  const taken = new Set<string>()
  const fault = (key: string, { expected, advice = '', got }: PropertyFault) => {
    const entry = entries.get(key)
    const shown = entry === undefined ? 'nothing' : SECRET.test(key) ? 'a value that is not shown' : `"${entry.value}"`
    return propertiesError({ file, line: entry?.line, key, got: got ?? shown, expected, advice })
  }
  const take = (key: string) => {
    taken.add(key)
    return entries.get(key)?.value
  }
  return {
    take,
    need(key, expected) {
      const value = take(key)
      if (value === undefined) throw fault(key, expected)
      return value
    },
    choose(key, words, advice = '') {
      const value = take(key)
      if (value === undefined) return words[0]
      const found = words.find((word) => word.toLowerCase() === value.toLowerCase())
      if (found === undefined)
        throw fault(key, { expected: words.map((word) => word || 'an empty value').join(', '), advice })
      return found
    },
    fault,
    unused: () => [...entries.keys()].filter((key) => !taken.has(key)),
  }
}

function parse(file: string, text: string): Property[] {
  try {
    return parseJavaProperties(text)
  } catch (error) {
    if (!(error instanceof PropertiesFault)) throw error
    const [got, expected] = ['something else', error.message]
    throw propertiesError({ file, line: error.line, key: 'escape', got, expected, advice: '' })
  }
}

interface Told {
  readonly file: string
  readonly line: number | undefined
  readonly key: string
  readonly got: string
  readonly expected: string
  readonly advice: string
}

function propertiesError({ line, advice, ...details }: Told): WeirError {
  return new WeirError('WEIR_KAFKA_PROPERTIES', {
    ...details,
    place: line === undefined ? '' : `, line ${line}`,
    advice: advice || "The names and values are Kafka's own: docs/your-own-kafka.md shows those that count.",
  })
}
