"""One HTTP client for everything: pools, proxies, keys, limits, redirects, retries and the cache of answers."""
