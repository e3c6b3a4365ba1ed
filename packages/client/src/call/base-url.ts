// The API's base URL in the one form that messages and requests use.

/** Without a slash at its end. Throws a `TypeError` that does not quote the url, which may hold a password. */
export function toBaseUrl(url: string | URL): string {
  if (!URL.canParse(String(url)))
    throw new TypeError('url: an absolute URL is needed, such as https://api.example.com');
  const { protocol, username, password, search, hash, origin, pathname } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new TypeError(
      `url: http: or https: is needed, not ${protocol}, such as https://api.example.com or http://127.0.0.1:5000`,
    );
  if (username || password || search || hash)
    throw new TypeError('url: no user, password, query or fragment can be part of it');
  return origin + pathname.replace(/\/+$/, '');
}
