/**
 * Every error Weirhouse raises: message template, whether trying again can help, and what to do.
 * docs/errors.md is generated from this table. Keep the groups; {names} are filled from the error's details.
 */
export interface ErrorEntry {
  readonly message: string
  /** False where it is not said, as in a function (src/bundle/lean.ts). */
  readonly retryable?: boolean
  readonly cure: string
}

export const errorTable = {
  // event and definition
  WEIR_EVENT_MALFORMED: {
    message: 'The event is not a Kafka event: {reason}.',
    retryable: false,
    cure: 'Invoke the function through a Kafka event source mapping, or give `weirhouse invoke` an event of that shape.',
  },
  WEIR_EVENT_FOREIGN_TOPIC: {
    message: 'The event holds records of topic "{topic}", but pipeline "{pipeline}" reads "{expected}".',
    retryable: false,
    cure: 'Point the event source mapping at the topic of the pipeline, or correct source.topic.',
  },
  WEIR_DEFINITION_INVALID: {
    message: '{what}: {reason}.',
    retryable: false,
    cure: 'Correct the definition; docs/options lists every option with its type, default and unit.',
  },
  WEIR_BINDING_MISSING: {
    message: 'The function has no {what} in {variable}.',
    retryable: false,
    cure: 'Start it with `weirhouse up`, which writes them; elsewhere, set the variable (docs/operations.md, "Bindings").',
  },
  WEIR_CDK_REFUSED: {
    message: '{what} got {got}, but {why}.',
    retryable: false,
    cure: 'Instead, {instead}.',
  },
  WEIR_TEMPLATE_REFUSED: {
    message: 'The templates do not keep the rules: {reason}.',
    retryable: false,
    cure: 'Correct what is named; docs/template-rules.md says what each rule is for.',
  },
  // poison: one record's own fault (D6)
  WEIR_DECODE: {
    message: 'The record does not decode: {reason}.',
    retryable: false,
    cure: 'Correct the producer or the decoder, then `weirhouse dlq replay` (docs/operations.md, "Dead letters").',
  },
  WEIR_VALIDATE: {
    message: 'The record does not fit the schema: {reason}.',
    retryable: false,
    cure: 'Correct the producer or the schema, then `weirhouse dlq replay` (docs/operations.md, "Dead letters").',
  },
  WEIR_TRANSFORM: {
    message: 'The transform threw: {reason}.',
    retryable: false,
    cure: 'Correct the transform, then `weirhouse dlq replay` (docs/operations.md, "Dead letters").',
  },
  WEIR_TOMBSTONE: {
    message: 'The record is a tombstone, and the pipeline sends those to the dead letters.',
    retryable: false,
    cure: 'Choose another `tombstone` setting if this is not wanted.',
  },
  WEIR_ENCODE: {
    message: 'Sink "{sink}" cannot hold the record: {reason}.',
    retryable: false,
    cure: 'Change the transform or the sink, then `weirhouse dlq replay` (docs/operations.md, "Dead letters").',
  },
  WEIR_REFUSED: {
    message: 'Sink "{sink}" refused the record: {reason}.',
    retryable: false,
    cure: 'Change the record, the transform or the store, then `weirhouse dlq replay` (docs/operations.md, "Dead letters").',
  },
  // delivery
  WEIR_DELIVERY_FAILED: {
    message: 'Not every sink took the batch: {reasons}.',
    retryable: true,
    cure: 'Nothing is lost: the event source mapping sends the batch again, and sinks that have it skip it.',
  },
  WEIR_POISON_FLOOD: {
    message:
      'Of the last {window} records of {source}, {poisoned} up to offset {offset} are poison, more than a share of {share}; that one failed at stage {stage} with {code}. Pipeline "{pipeline}" halts: no dead letter of this batch was written.',
    retryable: false,
    cure: 'The records wait in the topic: correct the definition and deploy it. If they really are bad, let them pass with maxPoisonShare (docs/operations.md, "A flood of poison").',
  },
  WEIR_DEADLINE: {
    message: 'No time was left for {what}.',
    retryable: true,
    cure: 'The batch is sent again. If it persists, raise the function timeout or lower source.batch.records.',
  },
  WEIR_CONTENDED: {
    message: 'Another invocation kept changing the ledger of sink "{sink}", {source}.',
    retryable: true,
    cure: 'The batch is sent again; nothing is lost.',
  },
  WEIR_TAKEN_OVER: {
    message: 'Another invocation took over range {range} of sink "{sink}", {source}.',
    retryable: true,
    cure: 'The batch is sent again; nothing is lost.',
  },
  WEIR_TOPIC_RESTARTED: {
    message: 'Sink "{sink}" has records of {source} from {next} on behind it, but the event begins at {first}, {why}.',
    retryable: false,
    cure: 'This sink wrote nothing. If the topic was created anew, and is to be read: `weirhouse rewind --sink all --accept-new-topic`. docs/operations.md, "Topic restarted", says what that does, and what else can be done.',
  },
  WEIR_REWOUND: {
    message: 'Sink "{sink}" was rewound and waits for {source} from {next} on, but the event begins at {first}, {why}.',
    retryable: false,
    cure: 'This sink wrote nothing. An invocation from before the rewind fails like this once, and may be left alone; where it goes on, run the same `weirhouse rewind` again.',
  },
  WEIR_STORE_UNAVAILABLE: {
    message: 'Sink "{sink}" could not reach its store: {reason}.',
    retryable: true,
    cure: 'The batch is sent again until the store answers; other sinks go on.',
  },
  WEIR_STORE_MISCONFIGURED: {
    message: 'Sink "{sink}" cannot work as set up: {reason}.',
    retryable: false,
    cure: '{advice}',
  },
  WEIR_FOREIGN_OBJECT: {
    message: 'S3 object "{key}" is there but not of this pipeline.',
    retryable: false,
    cure: 'Give the sink a prefix of its own, or remove what does not belong there.',
  },
  WEIR_FOREIGN_ITEM: {
    message: 'Table "{table}" holds an item without position attributes under the key of record {record}.',
    retryable: false,
    cure: 'Give the sink a table of its own, or remove the item.',
  },
  WEIR_FOREIGN_TARGET: {
    message: '{what} already holds data that this pipeline did not write: {reason}.',
    retryable: false,
    cure: 'Give the sink an empty target of its own, or restore the ledger that was lost: docs/operations.md, "Foreign data".',
  },
  WEIR_CREDENTIALS: {
    message: 'The environment has no {variable}.',
    retryable: false,
    cure: 'Lambda sets it from the role of the function; elsewhere, export it.',
  },
  WEIR_REQUEST_FAILED: {
    message: '{service} {operation} answered {status} {name}: {reason}.',
    retryable: false,
    cure: 'See the name of the error in the documentation of the service.',
  },
  // operations
  WEIR_MIGRATION_BREAKS: {
    message: 'The database differs from the definitions, and adding does not mend it: {reason}. Nothing was changed.',
    retryable: false,
    cure: 'Change the definition back; or a person runs, while no function writes: {statements}. A local stack without --data-dir begins with fresh tables.',
  },
  WEIR_MIGRATION_FAILED: {
    message: 'Migrating database "{database}" on {host} failed: {reason}.',
    retryable: true,
    cure: '{advice} It can be run again at any time: what is there stays.',
  },
  WEIR_COMPACTED: {
    message:
      'Topic "{topic}" is compacted: the copy of an old record would be the newest of its key, and what is newer would be dropped.',
    retryable: false,
    cure: 'Produce the record anew if its value is still right, then discard the dead letter.',
  },
  // local: prerequisites and servers
  WEIR_PREREQUISITE: { message: '{what} is missing: {reason}.', retryable: false, cure: '{advice}' },
  WEIR_DOWNLOAD: {
    message: '{what} could not be fetched: {reason}.',
    retryable: true,
    cure: 'The first run needs the network; check it and start again. Later runs work offline.',
  },
  WEIR_CHECKSUM: {
    message: '{file} has another SHA-256 than the committed list says.',
    retryable: false,
    cure: 'Delete {folder} and start again; if it comes again, do not run it.',
  },
  WEIR_SERVER_START: { message: '{server} did not start: {reason}.', retryable: true, cure: 'Its log: {log}' },
  WEIR_SERVER_ENDED: {
    message: '{server} is gone while the stack is up: {reason}. {effect}.',
    retryable: true,
    cure: 'See {log}. To have it back: {again}.',
  },
  WEIR_PORT: {
    message: 'Port {port} for {server} is taken.',
    retryable: false,
    cure: 'Give another --port-base or --inspect port; without --port-base, servers take free ports.',
  },
  WEIR_FOLDER: {
    message: 'Folder {folder} cannot be written: {reason}.',
    retryable: false,
    cure: 'Make it writable, free some space, or name another folder with --data-dir.',
  },
  // command line
  WEIR_NO_PROJECT: {
    message: 'There is no weirhouse.config.ts in {folder} or above it.',
    retryable: false,
    cure: "Change to the folder of a Weirhouse project, or name it with --project. To begin one, write into that file: export default { pipelines: ['./pipeline.ts'] }",
  },
  WEIR_USAGE: { message: '{reason}.', retryable: false, cure: '{advice}' },
  WEIR_STUCK: {
    message: 'Pipeline "{pipeline}" has {lag} records before it and has not moved for {seconds} s.',
    retryable: true,
    cure: 'See why its function fails: `weirhouse logs`. Nothing is lost: the records stay in the topic.',
  },
  WEIR_UP_FAILED: {
    message: 'The stack did not start: {reason}',
    retryable: false,
    cure: '(All it printed: {log})',
  },
  WEIR_NOT_UP: {
    message: 'No stack named "{stack}" is up.',
    retryable: false,
    cure: 'Start it with `weirhouse up --detach`.',
  },
  WEIR_ALREADY_UP: {
    message: 'A stack named "{stack}" is up already.',
    retryable: false,
    cure: 'Use it, stop it with `weirhouse down`, or start another with --stack NAME.',
  },
  WEIR_INPUT: {
    message: '{file} cannot be read: {reason}.',
    retryable: false,
    cure: 'Name a file that can be read, or - for standard input.',
  },
  WEIR_INPUT_LINE: {
    message: 'Line {line} {reason}; the {sent} before it were sent.',
    retryable: false,
    cure: 'Correct the line, and send from there on.',
  },
  WEIR_TOPIC_EXISTS: {
    message: 'Topic "{topic}" exists already.',
    retryable: false,
    cure: 'Use it, take another name, or pass --if-not-exists.',
  },
  WEIR_UNKNOWN: {
    message: 'There is no {what} "{name}"; there are: {known}.',
    retryable: false,
    cure: 'Check the spelling.',
  },
  WEIR_MODULE_MISSING: {
    message: 'Package "{module}" is not installed, and {what} needs it.',
    retryable: false,
    cure: 'Install it: npm install {install}',
  },
  WEIR_AWS_CREDENTIALS: {
    message: 'AWS does not let in: {reason}.',
    retryable: false,
    cure: 'Sign in, for instance with `aws sso login`, and name AWS_PROFILE and AWS_REGION; `plan` and `synth` need neither.',
  },
  WEIR_AWS_ACCOUNT: {
    message: 'The credentials are for account {account}, and environment "{environment}" belongs to {expected}.',
    retryable: false,
    cure: 'Take the credentials of that account, or correct `account` in weirhouse.config.ts.',
  },
  WEIR_NOT_DEPLOYED: {
    message: 'Environment "{environment}" does not stand in {region}: {what}.',
    retryable: false,
    cure: 'Deploy it: weirhouse deploy --env {environment}',
  },
  WEIR_DEPLOY_FAILED: {
    message: 'The CDK did not get through: {reason}.',
    retryable: true,
    cure: 'Its lines above say why. What stands stays as it is; mend the cause and run the same command again.',
  },
  WEIR_NOT_CONFIRMED: {
    message: 'Nothing was changed: {reason}.',
    retryable: false,
    cure: 'Run it in a terminal and answer, or give --yes.',
  },
  WEIR_BUNDLE: {
    message: '{what} does not bundle: {reason}.',
    retryable: false,
    cure: 'Correct the source at the place named.',
  },
  WEIR_WATCH: {
    message: 'Folder {folder} cannot be watched: {reason}.',
    retryable: false,
    cure: 'Raise the limit of watches of the system, or use `weirhouse up` and start it anew after a change.',
  },
  WEIR_KAFKA: {
    message: 'Kafka: {operation} failed: {reason}.',
    retryable: true,
    cure: 'See that the brokers are up: `weirhouse doctor`.',
  },
  WEIR_KAFKA_REFUSED: { message: 'Kafka refused {operation}: {reason}.', retryable: false, cure: '{advice}' },
  WEIR_KAFKA_PROPERTIES: {
    message: '{file}{place}: {key}: got {got}, expected {expected}.',
    retryable: false,
    cure: '{advice}',
  },
  WEIR_KAFKA_UNREACHABLE: { message: 'Kafka: {operation} failed: {reason}.', retryable: true, cure: '{advice}' },
  WEIR_KAFKA_TLS: {
    message: 'Kafka: {operation} failed in the TLS handshake: {reason}.',
    retryable: false,
    cure: '{advice}',
  },
  WEIR_KAFKA_LOGIN: {
    message: 'Kafka: {operation} failed at the login: {reason}.',
    retryable: false,
    cure: '{advice}',
  },
  WEIR_TOPIC_MISSING: {
    message: 'Topic "{topic}" is not there, or not for this user to see, and it could not be made: {reason}.',
    retryable: false,
    cure: 'Have it made by somebody who may: {command}',
  },
  WEIR_MAPPING_INVALID: { message: '{reason}', retryable: false, cure: 'Correct the event source mapping.' },
  WEIR_MAPPING_SLOW: {
    message: 'The event source mapping is {state} and was not {wanted} within {seconds} s.',
    retryable: true,
    cure: 'It goes on by itself: `weirhouse status` shows where it is, `weirhouse logs` why.',
  },
  WEIR_PAYLOAD_TOO_LARGE: {
    message: 'The {what} has {bytes} bytes, over the limit of {limit}.',
    retryable: false,
    cure: 'Lambda takes at most 6 MiB a payload: send less in one.',
  },
  WEIR_UNEXPECTED: {
    message: '{reason}.',
    retryable: false,
    cure: 'This is a fault of Weirhouse: report it with the log.',
  },
} as const satisfies Record<`WEIR_${string}`, ErrorEntry>

/** One record's own fault (D6): a dead letter has the code, and a text of its own. Nothing throws these. */
export const LETTER_CODES = [
  'WEIR_DECODE',
  'WEIR_VALIDATE',
  'WEIR_TRANSFORM',
  'WEIR_TOMBSTONE',
  'WEIR_REFUSED',
] as const satisfies readonly (keyof typeof errorTable)[]
