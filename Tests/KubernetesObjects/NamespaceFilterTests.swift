import KubernetesObjects
import ServiceCatalog
import Testing

@Suite struct NamespaceFilterTests {
    @Test(
        "Patterns decide by namespace or by service, and exclusion wins",
        arguments: [
            (["*"], ["kube-system"], "shop/cart", true), (["*"], ["kube-system"], "kube-system/dns", false),
            (["*"], ["kube-system"], "default/kubernetes", false), (["*"], [], "kube-system/dns", true),
            (["*"], [], "default/kubernetes", false), (["*"], [], "default/web", true),
            (["*", "default/kubernetes"], [], "default/kubernetes", true),
            (["default/kubernetes"], ["default"], "default/kubernetes", false), (["team-*"], [], "team-a/x", true),
            (["team-*"], [], "team/x", false), (["team-*"], ["team-b"], "team-b/x", false),
            (["*-prod"], [], "shop-prod/x", true), (["*-prod"], [], "shop-prod-2/x", false),
            (["a*b*c"], [], "a1b2b3c/x", true), (["a*b*c"], [], "a1b2/x", false), (["**"], [], "any/x", true),
            ([], [], "any/x", false), (["shop/cart"], [], "shop/cart", true), (["shop/cart"], [], "shop/pay", false),
            (["*"], ["*/debug-*"], "shop/debug-1", false), (["*"], ["*/debug-*"], "shop/web", true),
        ] as [([String], [String], String, Bool)]
    )
    func decisions(include: [String], exclude: [String], service: String, expected: Bool) {
        let parts = service.split(separator: "/").map(String.init)
        let key = ServiceKey(namespace: parts[0], name: parts[1])
        let filter = NamespaceFilter(include: include, exclude: exclude)
        #expect(filter.includes(key) == expected)
        #expect((filter.exclusion(of: key) == nil) == expected)
    }

    @Test("A reason names the pattern")
    func reasons() {
        let filter = NamespaceFilter(include: ["shop"], exclude: ["*/debug-*"])
        #expect(filter.exclusion(of: ServiceKey(namespace: "shop", name: "debug-1")) == #"excluded by "*/debug-*""#)
        #expect(
            filter.exclusion(of: ServiceKey(namespace: "pay", name: "x")) == "not among the included namespaces"
        )
    }

    @Test("Where all patterns name one namespace, rights in it are enough")
    func soleNamespace() {
        #expect(NamespaceFilter(include: ["shop"]).soleNamespace == "shop")
        #expect(NamespaceFilter(include: ["shop/a", "shop/b-*"]).soleNamespace == "shop")
        #expect(NamespaceFilter(include: ["shop", "pay"]).soleNamespace == nil)
        #expect(NamespaceFilter(include: ["sh*"]).soleNamespace == nil)
        #expect(NamespaceFilter(include: []).soleNamespace == nil)
    }
}
