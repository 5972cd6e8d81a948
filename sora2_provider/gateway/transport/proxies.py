"""Which proxy a call takes: one reading for both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.utils import get_environ_proxies, select_proxy

from sora2_provider.gateway.masking import Secret
from sora2_provider.gateway.settings import PROXY_EXAMPLE, web_address
from sora2_provider.gateway.transport.no_response import NoResponse

if TYPE_CHECKING:
    from sora2_provider.gateway.settings import GatewaySettings

HTTP_SCHEMES = ("http", "https")


def proxy_for(settings: GatewaySettings, url: str, *, schemes: tuple[str, ...] = HTTP_SCHEMES) -> Secret | None:
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
    if scheme not in schemes or web_address(f"http://{rest}") is None:
        why = f"the proxy of the environment is no address of an HTTP proxy, such as {PROXY_EXAMPLE}"
        raise NoResponse(why, sent=False, permanent=True)
    return address
