"""ASN.1 as DER (ITU-T X.690), of what no library writes."""

DSA = bytes.fromhex("06072a8648ce380401")
"""The object identifier (RFC 3279)."""


def integer(number: int) -> bytes:
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1))


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, b"".join(parts))


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = b"" if size < 128 else size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, size if size < 128 else 128 + len(length)]) + length + content
