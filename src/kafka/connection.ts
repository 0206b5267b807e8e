/** Where a cluster is, and how to get in. */
export interface KafkaConnection {
  /** `host:port` of one broker at least. */
  readonly bootstrap: readonly string[]
  /** What the brokers' logs and quotas call this client; `weirhouse` where not given. */
  readonly clientId?: string
  /** Left out: no TLS. */
  readonly tls?: KafkaTls
  /** Left out: nobody in particular. */
  readonly sasl?: KafkaSasl
}

export interface KafkaTls {
  /** PEM; whose signature to believe. Left out: the authorities that Node.js brings, and NODE_EXTRA_CA_CERTS. */
  readonly ca?: string
  /** PEM; who this client is, where the brokers ask for it. */
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
  /** Whether a certificate must name the host that was called. */
  readonly verifyHost: boolean
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

export type KafkaSasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: string
    }
  /** `token` is asked for at each login, also when a session is renewed. */
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: () => Promise<string> }
