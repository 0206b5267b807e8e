/** Where a cluster is. TLS, SASL and IAM join here later. */
export interface KafkaConnection {
  /** `host:port` of one broker at least. */
  readonly bootstrap: readonly string[]
}
