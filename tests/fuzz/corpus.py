#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the seeds of tests/fuzz/corpus/ from tests/vectors/ and from the lists below.

Run by hand, from the root of the tree, when vectors or parsers change; the files are part of the tree, so that neither
build nor tests need Python. It only writes its own files (NN-name); files of another name, such as crashes, stay.
"""
import json
import pathlib
import re

VECTORS = pathlib.Path("tests/vectors")
CORPUS = pathlib.Path("tests/fuzz/corpus")
counts = {}


def seed(parser, name, data):
    if isinstance(data, str):
        data = data.encode()
    folder = CORPUS / parser
    folder.mkdir(parents=True, exist_ok=True)
    n = counts[parser] = counts.get(parser, 0) + 1
    clean = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    (folder / f"{n:02d}-{clean}").write_bytes(data)


def load(name):
    return json.loads((VECTORS / name).read_text())


def onion():
    vectors = load("onion-v4.json")
    for case in vectors["cases"]:
        body = bytes.fromhex(case["request_body"])
        plain = bytes.fromhex(case["request_plaintext"])
        if len(body) > 16384:
            continue
        seed("frame", case["name"], body)
        seed(f"payload_v{case['version']}", case["name"], plain)
    for case in vectors["malformed_outer"]:
        body = bytes.fromhex(case["body"])
        if len(body) <= 4096:
            seed("frame", "malformed " + case["name"], body)
    for case in load("bencode.json")["cases"]:
        data = bytes.fromhex(case["input"])
        if len(data) <= 4096:
            seed("payload_v4", case["name"], data)
            seed("bencode", case["name"], data)
    v3 = [
        '{"method":"GET","endpoint":"/capabilities"}',
        '{"method":"GET","endpoint":"rooms","body":"null"}',
        '{"method":"POST","endpoint":"/batch","headers":{"X-SOGS-Timestamp":1735689600,"a":"b"},"body":"[]"}',
        '{"method":"POST","endpoint":"x","body":"{}","auth_code":"abc"}',
        '{"method":"PUT","endpoint":"/room/a/reaction/1/%F0%9F%8D%8D","body":""}',
    ]
    for i, text in enumerate(v3):
        seed("payload_v3", f"form {i}", text)


def auth():
    for case in load("sogs-auth.json")["cases"]:
        headers = {k.lower(): v for k, v in case["headers"].items()}
        lines = [case["method"], case["request_target"]]
        lines += [str(headers.get("x-sogs-" + k, "")) for k in ("pubkey", "nonce", "timestamp", "signature")]
        body = case["body"]
        if isinstance(body, dict):
            body = next(iter(body.values()))
        data = "\n".join(lines).encode() + b"\n" + (body or "").encode()
        if len(data) <= 1024:
            seed("auth", case["name"], data)


def file_server_auth():
    for case in load("fs-auth.json")["cases"]:
        headers = {k.lower(): v for k, v in case["headers"].items()}
        lines = [case["method"], case["request_target"], headers.get("x-fs-pubkey", ""), "",
                 headers.get("x-fs-timestamp", ""), headers.get("x-fs-signature", "")]
        seed("auth", "fs " + case["name"], "\n".join(lines) + "\n")


def batch():
    one = '{"method":"GET","path":"/room/a/messages/since/1?t=r"}'
    seeds = {
        "empty": "[]",
        "one": f"[{one}]",
        "two with space": f' [ {one} ,\n{one} ] ',
        "json": '[{"method":"POST","path":"/x","json":{"data":"AAAA","n":[1,2,{"a":null}]},"headers":{"a":"b"}}]',
        "b64": '[{"method":"POST","path":"/x","b64":"aGVsbG8="},{"method":"PUT","path":"/y","b64":"\\u0061GVsbG8"}]',
        "bytes": '[{"method":"POST","path":"/x","bytes":"a\\u00e9\\n"}]',
        "nested": '[{"method":"POST","path":"/batch","json":[]},{"method":"POST","path":"/sequence"}]',
        "quotes": '[{"method":"GET","path":"/\\\\\\"x","a":"}]"}]',
        "not an array": '{"method":"GET"}',
        "501": "[" + ",".join(["{}"] * 501) + "]",
        "500": "[" + ",".join(['{"method":"GET","path":"/a"}'] * 500) + "]",
        "deep": "[" * 40 + "]" * 40,
        "b64 twice": '[{"b64":"AA","b64":"BB","method":"POST","path":"/x"}]',
        "unfinished": '[{"method":"GET"',
        "slashes": '[{"method":"GET","path":"//a"},{"method":"GET","path":"a"},{"method":"GET","path":"/%"}]',
    }
    for name, text in seeds.items():
        seed("batch", name, text)


def texts():
    documents = [
        "{}",
        '{"method":"GET","path":"/room/a/messages/since/12?t=r&reactors=5"}',
        '{ "method" : "POST",\n\t"endpoint":"/batch", "headers":{"X-SOGS-Timestamp":"1700000000","n":1700000000}}',
        '{"data":"AAAA","signature":"AAAA","whisper_to":"15","whisper_mods":true,"files":[1,"2"]}',
        '{"a":"\\u00e9\\ud83c\\udf4d\\n","":1.5e3}',
        '{"a":{"b":1,"b":2}}',
        '{"a":' + "[" * 40 + "]" * 40 + "}",
        '{"a":-9223372036854775808,"data":0}',
        '{"data":"\x00"}',
        '{"data":"\\u0000"}',
        '{"a":1}x',
    ]
    for i, text in enumerate(documents):
        seed("json", f"document {i}", text)
    endpoints = """/
/capabilities
/rooms
/room/lobby
/room/lobby/pollInfo/0
/room/lobby/messages/since/12?t=r&limit=256&reactors=20
/room/lobby/messages/recent?limit=-1
/room/lobby/messages/before/99999999999999999999
/room/lobby/message/0012
/room/lobby/reaction/5/%F0%9F%8D%8D
/room/lobby/reactions/5/a/b?limit=%20+7
/room/lobby/file/a.png
/room/lobby/all/15ff
/user/15abababababababababababababababababababababababababababababababab/ban
/inbox/since/7
/file/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
/session_version?platform=desktop
/a%3Fb?c%3fd?e
/%00
/%zz?limit=%zz
//x
/room/%2e%2e/x""".split("\n")
    for i, text in enumerate(endpoints):
        seed("path", f"endpoint {i}", text)
    for i, text in enumerate(["GET", "post", "ab" * 32, "05" + "cd" * 32, "15" + "EF" * 32, "aGVsbG8=", "aGVsbG8", "_-_-",
                              "9223372036854775807", "-1", "\u00e9\U0001f34d", "AAAA====", "A"]):
        seed("text", f"text {i}", text)


def file_names():
    values = [
        "attachment",
        'attachment; filename="a.png"',
        "attachment; filename=a.png; size=5",
        "attachment; filename*=UTF-8''%e2%82%ac%20rates.txt",
        "attachment; filename=\"x\"; filename*=utf-8'en'a%2Fb",
        'form-data; name="f"; filename="quo\\"te;d"',
        'inline;filename="a/b\\c"',
        "attachment; filename*=ISO-8859-1''%E4",
        "attachment; filename*=UTF-8''%ff%00",
        'attachment; filename="' + "\u00e9" * 200 + '"',
        ";;=;\"",
        "A" * 44,
        "_-" * 22,
        "image/png,image/,application/pdf",
    ]
    for i, text in enumerate(values):
        seed("file_name", f"value {i}", text)


def posts():
    for case in load("messages.json")["community_messages"]:
        for value in case.values():
            # Some are plain words, which is what a reader of protobuf should also be shown.
            if isinstance(value, str) and re.fullmatch(r"([0-9a-f]{2}){2,2000}", value):
                seed("post_text", case.get("name", "message"), bytes.fromhex(value))
    def field(number, data):
        return bytes([number << 3 & 0x7F | 0x82 if number > 15 else number << 3 | 2]) + (
            bytes([number >> 4]) if number > 15 else b"") + bytes([len(data)]) + data
    profile = field(1, b"Ana")
    time = b"\x28\x80\xd0\x95\xff\xbc\x31"
    message = field(1, b"hello there") + b"\x38\xff\xf6\xbd\x87\xc1\x32" + field(101, profile)
    for name, data in {
        "text": field(1, field(1, b"hello")),
        "text and name": field(1, message),
        "twice": field(1, field(1, b"a") + field(1, b"b")),
        "other fields": b"\x08\x01" + field(3, b"x") + b"\x1d\0\0\0\0\x21" + b"\0" * 8 + field(1, message),
        "group": b"\x13\x08\x01\x14" + field(1, message),
        "nested groups": b"\x13" * 40,
        "padded": field(1, message) + b"\x80" + b"\0" * 60,
        "empty": b"",
        "envelope": b"\x08\x06" + field(2, b"05") + time + field(8, field(1, message)),
        "envelope padded inside": b"\x08\x07" + time + field(8, field(1, message) + b"\x80" + b"\0" * 60),
        "envelope padded outside": b"\x08\x06" + time + field(8, field(1, message)) + b"\x80\0",
        "envelope in another order": field(8, field(1, message)) + time + b"\x08\x06" + field(8, b""),
        "envelope and content": field(1, message) + b"\x08\x06" + time + field(8, field(1, field(1, b"hi"))),
        "envelope around nothing": b"\x08\x06" + time,
        "envelope around no content": b"\x08\x06" + time + field(8, b"\xff"),
        "envelope without time": b"\x08\x06" + field(8, field(1, message)),
    }.items():
        seed("post_text", name, data)
    for i, text in enumerate(["word\nother\n\nsome w0rd here", "# comment\n\u00e9t\u00e9\r\n\n\u00c9T\u00c9", "a$$\nb@d\n\nb4d a55",
                              "two words\n", "455\n", "l\n\n1", "a" * 64 + "\n\n" + "a" * 65, "w\u200bo\n"]):
        seed("words", f"list {i}", text)


def settings():
    samples = {
        "empty": "",
        "all": "[database]\nurl = postgresql:///conclave\n[server]\nlisten = [::1]:8080\npublic_url = https://chat.example/\n"
               "max_body = 16M\nworkers = 4\nadmin = 05" + "ab" * 32 + ", 15" + "cd" * 32 + "\nsandbox = off\n[files]\n"
               "default_ttl = 14d\ntype_check = count\n[rooms]\npost_limit = 5/16s\n[log]\nlevel = debug\n",
        "mark": "\ufeff[log]\nlevel = info ; a comment\n",
        "twice": "[log]\nlevel = info\n[log]\nlevel = info\n",
        "no section": "level = info\n",
        "unknown": "[nobody]\nx = y\n[log]\nx = y\n",
        "no value": "[server]\nlisten\n",
        "long": "[server]\npublic_url = http://" + "a" * 3000 + "\n",
    }
    for name, text in samples.items():
        seed("settings", name, text)
    for text in ["10223616", "5/16s", "off", "16M", "14d", "unix:/run/conclave/operator.sock", "127.0.0.1:0", "[::1]:65536",
                 "http://[::1]:8080", "05" + "00" * 32, "refuse", "18446744073709551616G", "-1", "1/0s", "yes", ","]:
        seed("settings", "value", text)


onion()
auth()
file_server_auth()
batch()
texts()
file_names()
posts()
settings()
print(", ".join(f"{k} {v}" for k, v in sorted(counts.items())))
