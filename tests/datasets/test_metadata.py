"""What a file tells besides its pixels: kept, told as lost, never in the way."""

import io
from xml.etree import ElementTree

import pytest
from PIL import ExifTags, Image

from colorlab.datasets.images import open_image, save_image
from colorlab.datasets.metadata import _without_orientation, add_statement

PACKET = """<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"
 xmlns:mine="http://example.org/mine/" mine:box="17">
<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">The mill &amp; the pond.</rdf:li>
</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
STATEMENT = PACKET.replace("The mill &amp; the pond", "Colors predicted by X")
STATEMENT = STATEMENT[STATEMENT.index("<x:") : STATEMENT.rindex("<?")]
STATEMENT = STATEMENT.replace("<rdf:li>Ada</rdf:li>", "").replace('mine:box="17"', "")
STATEMENT = STATEMENT.replace('tiff:Orientation="6"', "")
DC = "{http://purl.org/dc/elements/1.1/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def exif_of_a_phone():
    """Orientation, a description, a place, camera settings, a preview and sizes."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "The mill"
    exif[ExifTags.Base.Copyright] = "Ada"
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {0x9003: "1950:05:01 12:00:00", 0x829D: 2.8, 0xA002: 32, 0xA001: 65535}
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (47.0, 22.0, 0.0)})
    return exif


def scan(kind="JPEG", **options):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((32, 24)).save(file, kind, **options)
    return file


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
def test_what_a_file_tells_is_kept(source, kind):
    image = open_image(scan(source, exif=exif_of_a_phone()))
    assert image.size == (24, 32)
    file = io.BytesIO()
    assert save_image(image, file, kind) == []
    with Image.open(file) as written:
        exif = written.getexif()
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        assert exif[ExifTags.Base.ImageDescription] == "The mill"
        camera, place = (exif.get_ifd(ifd) for ifd in (0x8769, 0x8825))
    assert camera[0x9003] == "1950:05:01 12:00:00"
    assert (float(camera[0x829D]), camera[0xA001]) == (2.8, 1)  # sRGB, from now on
    assert 0xA002 not in camera
    assert [float(number) for number in place[2]] == [47, 22, 0]
    assert open_image(file).size == (24, 32)  # not turned again


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_a_packet_is_kept_and_a_statement_added(kind):
    image = open_image(scan("JPEG", xmp=PACKET.encode()))
    image.info["xmp"] = add_statement(image.info["xmp"], STATEMENT)
    file = io.BytesIO()
    assert save_image(image, file, kind) == []
    with Image.open(file) as written:
        packet = written.info.get("xmp") or written.info["XML:com.adobe.xmp"]
    tree = ElementTree.fromstring(packet)
    (description,) = tree.iter(f"{DC}description")
    assert [li.text for li in description.iter(f"{RDF}li")] == [
        "The mill & the pond. Colors predicted by X."
    ]
    boxes = [node.get("{http://example.org/mine/}box") for node in tree.iter()]
    assert [box for box in boxes if box] == ["17"]
    assert "Orientation" not in str(packet)


def test_a_statement_is_not_made_twice():
    once = add_statement(PACKET.encode(), STATEMENT)
    assert add_statement(once.encode(), STATEMENT).count("Colors predicted") == 1


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b"no xml", "its XMP is damaged, and not kept"),
        (b"<a/>", "it holds no RDF"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "it defines entities"),
    ],
)
def test_damaged_packets_are_told_and_left(packet, why):
    image = open_image(scan("JPEG", xmp=packet))
    assert "xmp" not in image.info
    (note,) = image.info["notes"]
    assert why in note


def test_what_is_not_kept_is_told():
    content = scan("JPEG").getvalue()
    iptc = b"8BIM\x04\x04\0\0\0\0\0\x04\x1c\x02\x05\0"
    segment = b"Photoshop 3.0\0" + iptc
    segment = b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment
    marked = content[:2] + segment + content[2:]
    assert open_image(io.BytesIO(marked)).info["notes"] == ["its IPTC is not kept"]
    assert open_image(scan("JPEG", comment="Ada's")).info["notes"] == [
        "its comment is not kept"
    ]
    large = Image.Exif()
    large[ExifTags.Base.ImageDescription] = "x" * 62_000
    assert "exif" not in (info := open_image(scan("PNG", exif=large)).info)
    assert info["notes"] == ["its EXIF is larger than 60000 bytes, and not kept"]
    image = open_image(scan("JPEG", exif=exif_of_a_phone(), dpi=(300, 300)))
    for kind, lost in [("GIF", "exif, dpi"), ("BMP", "exif"), ("PPM", "exif, dpi")]:
        notes = save_image(image, io.BytesIO(), kind)
        assert notes[0] == f"{kind} has no place for {lost}"
        assert ["256 colors" in note for note in notes[1:]] == [True] * (kind == "GIF")


@pytest.mark.parametrize("kind", ["GIF", "JPEG2000"])
def test_a_comment_says_it_where_nothing_else_can(kind):
    image, file = Image.new("RGB", (16, 16)), io.BytesIO()
    image.info |= {"software": "colorlab 0 a b", "statement": "Colors predicted."}
    notes = save_image(image, file, kind)
    assert [note for note in notes if "256 colors" not in note] == []
    with Image.open(file) as written:
        assert written.info["comment"] == b"colorlab 0 a b\nColors predicted."
    assert open_image(file).info["notes"] == []  # our own, and not lost


def test_a_nested_orientation_is_taken_out():
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    tiff = "<tiff:Orientation>6</tiff:Orientation>"
    packet = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">'
        '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:p="p:p/">'
        f"<p:Pantry><rdf:Bag><rdf:li><rdf:Description>{tiff}<p:kept>1</p:kept>"
        f"</rdf:Description></rdf:li></rdf:Bag></p:Pantry>{tiff}"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    left = _without_orientation(packet.encode())
    assert b"Orientation" not in left
    assert b"<p:kept>1</p:kept>" in left
