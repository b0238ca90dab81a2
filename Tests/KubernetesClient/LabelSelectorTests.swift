import Testing

@testable import KubernetesClient

@Suite struct LabelSelectorTests {
    @Test(
        "selectors that an API server accepts",
        arguments: [
            "app", "!app", "app=web", "app==web", "app != internal", "app!=internal", "app=", "tier in (a,b)",
            "tier notin ( a , b ),!legacy", "example.com/size>3", "size<10", "a=b,c=d", "k8s.io/x-y_z.w=A_b.c-d",
            "a in ()",
        ]
    )
    func accepted(text: String) throws {
        #expect(try LabelSelector(" \(text) ").text == text)
    }

    @Test(
        "selectors that it refuses, and the part that is named",
        arguments: [
            ("", "a label selector is not empty"), ("app=web,", "\"\""), ("=web", "\"=web\""),
            ("app=web=x", "\"app=web=x\""),
            ("app in a", "\"app in a\""), ("app in (a", "\"app in (a\""), ("app in (a) b", "\"app in (a) b\""),
            ("size>big", "\"size>big\""), ("-app", "\"-app\""), ("a/b/c", "\"a/b/c\""), ("UPPER.example/x", "UPPER"),
            ("app=we b", "\"app=we b\""), ("!app=web", "\"!app=web\""), ("ok=1,app within (a)", "\"app within (a)\""),
            ("app=\(String(repeating: "x", count: 64))", "63"),
        ]
    )
    func refused(text: String, part: String) {
        let mistake = #expect(throws: LabelSelector.Mistake.self) { try LabelSelector(text) }
        #expect(mistake?.description.contains(part) == true)
    }
}
