// What sshd offers for the handshake, in the clear before any encryption: read here when there is nothing in common with us.

/** Name lists of SSH_MSG_KEXINIT, each in the server's order. */
export interface AlgorithmOffer {
  readonly kex: readonly string[];
  readonly hostKey: readonly string[];
  readonly cipher: readonly string[];
  readonly mac: readonly string[];
}

export type AlgorithmKind = keyof AlgorithmOffer;

/** Reads the first packet after the greeting (RFC 4253 section 7.1); `undefined` when it is not whole or something else. */
export function parseAlgorithmOffer(heard: string): AlgorithmOffer | undefined {
  const greeting = /^SSH-[^\n]*\n/m.exec(heard);
  if (greeting === null) return undefined;
  const bytes = Buffer.from(heard.slice(greeting.index + greeting[0].length), 'latin1');
  const headerBytes = 4 + 1 + 1 + 16; // length, padding, message number, cookie
  if (bytes.length < headerBytes || bytes[5] !== 20) return undefined;
  const lists: string[][] = [];
  for (let at = headerBytes; lists.length < 6; ) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    lists.push(
      bytes
        .toString('latin1', at + 4, end)
        .split(',')
        .filter(isPlausible),
    );
    at = end;
  }
  const [kex = [], hostKey = [], cipher = [], , mac = []] = lists;
  return { kex, hostKey, cipher, mac };
}

/** Which kind ssh2 found nothing in common for, by its words. */
export function toMismatch(error: unknown): AlgorithmKind | undefined {
  const [, what = ''] =
    /no matching (.*)$/i.exec(error instanceof Error ? error.message : '') ?? [];
  if (/key exchange/i.test(what)) return 'kex';
  if (/host key/i.test(what)) return 'hostKey';
  if (/cipher/i.test(what)) return 'cipher';
  return /mac/i.test(what) ? 'mac' : undefined;
}

/** What a sshd with such an offer lacks, and where to add it. */
export function describeMismatch(kind: AlgorithmKind, offer: AlgorithmOffer | undefined): string {
  const { what, option, ours } = kinds[kind];
  const offered = offer?.[kind] ?? [];
  const shown = offered.length === 0 ? 'others' : offered.slice(0, shownMost).join(', ');
  const more = offered.length > shownMost ? ' and more' : '';
  return `it and this API have no ${what} in common, as it is stricter, much newer or much older. It offers ${shown}${more}. Let ${option} in its sshd_config hold one of ${ours}`;
}

const shownMost = 8;

const kinds: Record<AlgorithmKind, { what: string; option: string; ours: string }> = {
  kex: {
    what: 'key exchange',
    option: 'KexAlgorithms',
    ours: 'curve25519-sha256, ecdh-sha2-nistp256, diffie-hellman-group14-sha256',
  },
  hostKey: {
    what: 'type of host key',
    option: 'HostKeyAlgorithms (and HostKey)',
    ours: 'ssh-ed25519, ecdsa-sha2-nistp256, rsa-sha2-512',
  },
  cipher: {
    what: 'cipher',
    option: 'Ciphers',
    ours: 'aes128-gcm@openssh.com, aes256-gcm@openssh.com, aes256-ctr',
  },
  mac: {
    what: 'MAC',
    option: 'MACs',
    ours: 'hmac-sha2-256-etm@openssh.com, hmac-sha2-256, hmac-sha2-512',
  },
};

/** What an unverified peer sends ends up in a message. */
function isPlausible(name: string): boolean {
  return /^[a-zA-Z0-9@.+_-]{1,64}$/.test(name) && !/^(ext-info|kex-strict)-/.test(name);
}
