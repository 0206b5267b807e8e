/** Apache Kafka of the local stack. One line below, MSK's name of the same: what runs here is what runs there. */
export const KAFKA_VERSION = '4.1.1'

/** The line of Amazon MSK that a cluster has where nobody says otherwise. */
export const DEFAULT_LINE = '4.1.x.kraft'
