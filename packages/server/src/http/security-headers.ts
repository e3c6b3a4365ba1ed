// The security headers of every answer.

/** The interactive page brings a content security policy of its own. */
export function toSecurityHeaders({ publicUrl }: { readonly publicUrl: string }) {
  return {
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    // Against embedding only; what CORS allows is not affected: https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header
    'cross-origin-resource-policy': 'same-origin',
    // Over plain HTTP browsers ignore it, and on a developer's localhost it would outlive the day.
    ...(publicUrl.startsWith('https:') && { 'strict-transport-security': 'max-age=31536000' }),
  };
}
