// discovery.k8s.io and coordination.k8s.io.
extension Schemas {
    static let endpointConditions = Schema(
        "EndpointConditions",
        [.pointer("ready", 1, .bool), .pointer("serving", 2, .bool), .pointer("terminating", 3, .bool)]
    )

    static let endpointHints = Schema(
        "EndpointHints",
        [
            .value("forZones", 1, .objects(Schema("ForZone", [.always("name", 1, .string)]))),
            .value("forNodes", 2, .objects(Schema("ForNode", [.always("name", 1, .string)]))),
        ]
    )

    static let endpoint = Schema(
        "Endpoint",
        [
            .always("addresses", 1, .stringSet),
            .value("conditions", 2, .object(endpointConditions)),
            .pointer("hostname", 3, .string),
            .pointer("targetRef", 4, .object(objectReference, isAtomic: true)),
            .value("deprecatedTopology", 5, .map(isAtomic: false)),
            .pointer("nodeName", 6, .string),
            .pointer("zone", 7, .string),
            .pointer("hints", 8, .object(endpointHints)),
        ]
    )

    static let endpointSlicePort = Schema(
        "EndpointPort",
        [
            .pointer("name", 1, .string),
            .pointer("protocol", 2, .string),
            .pointer("port", 3, .int32),
            .pointer("appProtocol", 4, .string),
        ]
    )

    static let endpointSlice = Schema(
        "EndpointSlice",
        [
            .value("metadata", 1, .object(objectMeta)),
            .always("addressType", 4, .string),
            .always("endpoints", 2, .objects(endpoint)),
            .always("ports", 3, .objects(endpointSlicePort)),
        ]
    )

    static let leaseSpec = Schema(
        "LeaseSpec",
        [
            .pointer("holderIdentity", 1, .string),
            .pointer("leaseDurationSeconds", 2, .int32),
            .pointer("acquireTime", 3, .microTime),
            .pointer("renewTime", 4, .microTime),
            .pointer("leaseTransitions", 5, .int32),
            .pointer("strategy", 6, .string),
            .pointer("preferredHolder", 7, .string),
        ]
    )

    static let lease = Schema(
        "Lease",
        [.value("metadata", 1, .object(objectMeta)), .value("spec", 2, .object(leaseSpec))]
    )
}

// Events: one store, two groups.
extension Schemas {
    static let eventSource = Schema("EventSource", [.value("component", 1, .string), .value("host", 2, .string)])

    static let eventSeries = Schema(
        "EventSeries",
        [.value("count", 1, .int32), .always("lastObservedTime", 2, .microTime)]
    )

    static let event = Schema(
        "Event",
        [
            .value("metadata", 1, .object(objectMeta)),
            .value("involvedObject", 2, .object(objectReference, isAtomic: true)),
            .value("reason", 3, .string),
            .value("message", 4, .string),
            .value("source", 5, .object(eventSource)),
            .always("firstTimestamp", 6, .time),
            .always("lastTimestamp", 7, .time),
            .value("count", 8, .int32),
            .value("type", 9, .string),
            .always("eventTime", 10, .microTime),
            .pointer("series", 11, .object(eventSeries)),
            .value("action", 12, .string),
            .pointer("related", 13, .object(objectReference, isAtomic: true)),
            .always("reportingComponent", 14, .string),
            .always("reportingInstance", 15, .string),
        ]
    )

    static let eventOfEventsGroup = Schema(
        "Event",
        [
            .value("metadata", 1, .object(objectMeta)),
            .always("eventTime", 2, .microTime),
            .pointer("series", 3, .object(eventSeries)),
            .value("reportingController", 4, .string),
            .value("reportingInstance", 5, .string),
            .value("action", 6, .string),
            .value("reason", 7, .string),
            .value("regarding", 8, .object(objectReference, isAtomic: true)),
            .pointer("related", 9, .object(objectReference, isAtomic: true)),
            .value("note", 10, .string),
            .value("type", 11, .string),
            .value("deprecatedSource", 12, .object(eventSource)),
            .always("deprecatedFirstTimestamp", 13, .time),
            .always("deprecatedLastTimestamp", 14, .time),
            .value("deprecatedCount", 15, .int32),
        ]
    )
}

// authorization.k8s.io and authentication.k8s.io.
extension Schemas {
    static let resourceAttributes = Schema(
        "ResourceAttributes",
        isOpen: true,
        [
            .value("namespace", 1, .string),
            .value("verb", 2, .string),
            .value("group", 3, .string),
            .value("version", 4, .string),
            .value("resource", 5, .string),
            .value("subresource", 6, .string),
            .value("name", 7, .string),
        ]
    )

    static let nonResourceAttributes = Schema(
        "NonResourceAttributes",
        [.value("path", 1, .string), .value("verb", 2, .string)]
    )

    static let selfSubjectAccessReview = Schema(
        "SelfSubjectAccessReview",
        [
            .value("metadata", 1, .object(objectMeta)),
            .value(
                "spec",
                2,
                .object(
                    Schema(
                        "SelfSubjectAccessReviewSpec",
                        [
                            .pointer("resourceAttributes", 1, .object(resourceAttributes)),
                            .pointer("nonResourceAttributes", 2, .object(nonResourceAttributes)),
                        ]
                    )
                )
            ),
            .value(
                "status",
                3,
                .object(
                    Schema(
                        "SubjectAccessReviewStatus",
                        [
                            .always("allowed", 1, .bool),
                            .value("denied", 4, .bool),
                            .value("reason", 2, .string),
                            .value("evaluationError", 3, .string),
                        ]
                    )
                )
            ),
        ]
    )

    static let selfSubjectRulesReview = Schema(
        "SelfSubjectRulesReview",
        [
            .value("metadata", 1, .object(objectMeta)),
            .value("spec", 2, .object(Schema("SelfSubjectRulesReviewSpec", [.value("namespace", 1, .string)]))),
            .value(
                "status",
                3,
                .object(
                    Schema(
                        "SubjectRulesReviewStatus",
                        [
                            .always("resourceRules", 1, .objects(resourceRule)),
                            .always("nonResourceRules", 2, .objects(nonResourceRule)),
                            .always("incomplete", 3, .bool),
                            .value("evaluationError", 4, .string),
                        ]
                    )
                )
            ),
        ]
    )

    private static let resourceRule = Schema(
        "ResourceRule",
        [
            .always("verbs", 1, .strings),
            .value("apiGroups", 2, .strings),
            .value("resources", 3, .strings),
            .value("resourceNames", 4, .strings),
        ]
    )

    private static let nonResourceRule = Schema(
        "NonResourceRule",
        [.always("verbs", 1, .strings), .value("nonResourceURLs", 2, .strings)]
    )

    static let selfSubjectReview = Schema(
        "SelfSubjectReview",
        [
            .value("metadata", 1, .object(objectMeta)),
            .value(
                "status",
                2,
                .object(
                    Schema(
                        "SelfSubjectReviewStatus",
                        [
                            .value(
                                "userInfo",
                                1,
                                .object(
                                    Schema(
                                        "UserInfo",
                                        [
                                            .value("username", 1, .string),
                                            .value("uid", 2, .string),
                                            .value("groups", 3, .strings),
                                        ]
                                    )
                                )
                            )
                        ]
                    )
                )
            ),
        ]
    )
}
