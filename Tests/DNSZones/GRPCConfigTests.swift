import ServiceCatalog
import Testing

@testable import DNSZones

@Suite struct GRPCConfigTests {
    private func text(_ annotation: String) -> String? {
        (try? GRPCConfig.strings(from: annotation)).map { String(decoding: $0.joined(), as: UTF8.self) }
    }

    @Test("A service config becomes the only choice; a list of choices is taken as it is")
    func wrapping() {
        #expect(
            text(#"{"a": [1, -2.5e+3, "\u00e9\n", true, null]}"#)
                == #"grpc_config=[{"serviceConfig":{"a": [1, -2.5e+3, "\u00e9\n", true, null]}}]"#
        )
        #expect(
            text(#" [{"percentage":1,"serviceConfig":{}}] "#) == #"grpc_config= [{"percentage":1,"serviceConfig":{}}] "#
        )
    }

    @Test(
        "What is not JSON, or no object or list, is refused",
        arguments: [
            "", "x", "{", "{}}", "[1,]", "[,1]", #"{"a"}"#, #"{"a":}"#, #"{a:1}"#, #"{"a":01}"#, #"{"a":1.}"#,
            #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, "[\"\u{1}\"]", #"["a]"#, "[tru]",
            "\"text\"",
            "17", "true", String(repeating: "[", count: 100_000),
        ]
    )
    func refused(annotation: String) {
        let refusal = #expect(throws: Refusal.self) { try GRPCConfig.strings(from: annotation) }
        #expect(refusal?.problem.code == .annotationInvalid)
    }

    @Test("Long configs are split into strings of 255 octets; those no message can hold are refused")
    func lengths() throws {
        let config = "[\"" + String(repeating: "a", count: 1_000) + "\"]"
        let strings = try GRPCConfig.strings(from: config)
        #expect(strings.map(\.count) == [255, 255, 255, 251])
        #expect(String(decoding: strings.joined(), as: UTF8.self) == "grpc_config=" + config)
        #expect(text("[\"" + String(repeating: "a", count: 60_000) + "\"]") == nil)
    }
}
