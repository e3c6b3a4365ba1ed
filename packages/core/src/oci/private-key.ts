// A private key is opened before the SDK sees it: with a wrong passphrase the SDK would end the process.

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

export type OpenedKey =
  | {
      readonly pem: string;
      /** `20:3b:97:…`: https://docs.oracle.com/iaas/Content/API/Concepts/apisigningkey.htm */
      readonly fingerprint: string;
    }
  | { readonly problem: string };

/** Opens an RSA key and hands it back unencrypted; else says in a few words what is wrong with it, never what is in it. */
export function openPrivateKey(pem: string, passphrase: string | undefined): OpenedKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', ...(passphrase && { passphrase }) });
  } catch {
    return { problem: toProblem(pem, passphrase) };
  }
  if (key.asymmetricKeyType !== 'rsa') {
    return { problem: `its key is of type ${key.asymmetricKeyType}, but OCI signs with RSA` };
  }
  return {
    pem: key.export({ type: 'pkcs1', format: 'pem' }).toString(),
    fingerprint: toFingerprint(key),
  };
}

function toFingerprint(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const digits = createHash('md5').update(der).digest('hex');
  return (digits.match(/../g) ?? []).join(':');
}

/** As `openPrivateKey`, but once per content and passphrase: opening an encrypted key costs a tenth of a second. */
export function createKeyOpener(): typeof openPrivateKey {
  let last:
    | { readonly pem: string; readonly passphrase: string | undefined; readonly opened: OpenedKey }
    | undefined;
  return (pem, passphrase) => {
    if (last?.pem !== pem || last.passphrase !== passphrase) {
      last = { pem, passphrase, opened: openPrivateKey(pem, passphrase) };
    }
    return last.opened;
  };
}

function toProblem(pem: string, passphrase: string | undefined): string {
  if (!/ENCRYPTED/.test(pem)) return 'it does not hold a private key in PEM format';
  return passphrase === undefined
    ? 'it is encrypted, but the profile has no pass_phrase'
    : 'its pass_phrase does not open it';
}
