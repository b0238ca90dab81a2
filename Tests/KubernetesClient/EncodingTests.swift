import Testing

@testable import KubernetesClient

@Suite struct EncodingTests {
    @Test(
        "base64 of RFC 4648 section 10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func base64(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test("base64 over several lines, as YAML block scalars hold it")
    func base64OverLines() {
        #expect(Base64.decode("Zm9v\nYmFy\n") == Array("foobar".utf8))
    }

    @Test("what is no base64 is refused", arguments: ["Zg", "Zg=", "Zg===", "Z", "Zg==Zg==", "Zm9v!", "=", "Zm-_"])
    func notBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(
        "percent-encoding leaves only unreserved characters",
        arguments: [
            ("app!=internal", "app%21%3Dinternal"), ("a-b._~Z9", "a-b._~Z9"), ("a b/ä", "a%20b%2F%C3%A4"),
        ]
    )
    func percentEncoding(text: String, encoded: String) {
        #expect(percentEncoded(text) == encoded)
    }

    @Test(
        "RFC 3339 times",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-22T14:41:31Z", 1_795_358_491_000_000),
            ("2026-11-22T15:41:31.5+01:00", 1_795_358_491_500_000),
            ("2024-02-29T23:59:59.123456789Z", 1_709_251_199_123_456),
            ("1969-12-31T23:59:59Z", -1_000_000), ("2000-02-29t00:00:00z", 951_782_400_000_000),
        ]
    )
    func times(text: String, microseconds: Int64) {
        #expect(Timestamp(text)?.microsecondsSince1970 == microseconds)
    }

    @Test(
        "what is no RFC 3339 time is refused",
        arguments: [
            "", "tomorrow", "2026-11-22", "2026-13-22T14:41:31Z", "2026-11-22T24:41:31Z", "2026-11-22T14:41:31",
            "2026-11-22T14:41:31.Z", "2026-11-22T14:41:31Z ", "2026-11-22T14:41:31+0100",
        ]
    )
    func notTimes(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(
        "a time is written in whole seconds, a micro time with six digits",
        arguments: [
            "1970-01-01T00:00:00.000000Z", "2026-11-22T14:41:31.000042Z", "1969-12-31T23:59:59.999999Z",
            "2024-02-29T00:00:00.100000Z", "2100-03-01T12:30:00.000000Z",
        ]
    )
    func writtenTimes(text: String) throws {
        let time = try #require(Timestamp(text))
        #expect(time.microTime == text)
        #expect(time.time == "\(text.prefix(19))Z")
    }
}
