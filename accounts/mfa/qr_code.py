"""A QR code as inline SVG: no image file, no ``data:`` URL."""

from django.utils.html import format_html
from django.utils.safestring import SafeString
from qrcode import QRCode

BORDER = 4
"""Width of the quiet zone in modules. Source: ISO/IEC 18004, 5.3.8"""


def render_svg(text: str) -> SafeString:
    """Draw a text as a QR code, dark on light in both themes, because scanners need that."""
    code = QRCode(border=BORDER)
    code.add_data(text)
    matrix = code.get_matrix()
    dark = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, is_dark in enumerate(row) if is_dark)
    return format_html(
        '<svg class="qr" viewBox="0 0 {0} {0}" width="220" height="220" role="img" aria-label="QR code"'
        ' shape-rendering="crispEdges"><rect width="{0}" height="{0}" fill="#fff"/><path d="{1}" fill="#000"/></svg>',
        len(matrix),
        dark,
    )
