"""Which proxy a call takes: one reading for both clients."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from requests.utils import get_environ_proxies, select_proxy

from sora2_provider.gateway.masking import Secret
from sora2_provider.gateway.settings import PROXY_EXAMPLE, web_address
from sora2_provider.gateway.transport.no_response import NoResponse

if TYPE_CHECKING:
    from sora2_provider.gateway.settings import GatewaySettings

_HTTP_SCHEMES = ("http", "https")
_SOCKS_SCHEMES = ("socks4", "socks4a", "socks5", "socks5h")
#: What requests can use: a SOCKS proxy needs PySocks.
WORKERS_SCHEMES = (*_HTTP_SCHEMES, *(_SOCKS_SCHEMES if find_spec("socks") else ()))
_TO_DO = "Correct HTTP_PROXY, HTTPS_PROXY or ALL_PROXY in the environment, or write the proxy into the Proxy field of the connection."
_SOCKS = (
    "the proxy of the environment is a SOCKS proxy, which workers can use only with PySocks, and the triggerer cannot use: "
    "nothing was sent"
)
SOCKS_TO_DO = (
    "Write an HTTP proxy into the Proxy field of the connection, or into HTTPS_PROXY and ALL_PROXY; or unset these. For the workers "
    "pip install 'requests[socks]' helps as well, but not for tasks with deferrable=True, which wait in the triggerer."
)


def proxy_for(settings: GatewaySettings, url: str, *, schemes: tuple[str, ...] = _HTTP_SCHEMES) -> Secret | None:
    """Return the address of the proxy to a URL, the connection's or the environment's; ``None`` for none.

    In the environment it may stand without a scheme.

    :param schemes: of the proxies that can be used.
    :raises NoResponse: the environment's is none of them.
    """
    proxy = settings.proxy or select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    address = Secret(proxy if "://" in proxy else f"http://{proxy}")
    scheme, _, rest = address.partition("://")
    if scheme in _SOCKS_SCHEMES and scheme not in schemes:
        raise NoResponse(_SOCKS, sent=False, permanent=True, to_do=SOCKS_TO_DO)
    if scheme not in schemes or web_address(f"http://{rest}") is None:
        why = f"the proxy of the environment is no address of an HTTP proxy, such as {PROXY_EXAMPLE}"
        raise NoResponse(why, sent=False, permanent=True, to_do=_TO_DO)
    return address
