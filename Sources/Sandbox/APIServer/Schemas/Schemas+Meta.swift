/// The structures of the API that the stand-in knows. Field numbers are those of Kubernetes' generated.proto files.
enum Schemas {}

extension Schemas {
    static let ownerReference = Schema(
        "OwnerReference",
        [
            .always("apiVersion", 5, .string),
            .always("kind", 1, .string),
            .always("name", 3, .string),
            .always("uid", 4, .string),
            .pointer("controller", 6, .bool),
            .pointer("blockOwnerDeletion", 7, .bool),
        ]
    )

    static let managedFieldsEntry = Schema(
        "ManagedFieldsEntry",
        [
            .value("manager", 1, .string),
            .value("operation", 2, .string),
            .value("apiVersion", 3, .string),
            .pointer("time", 4, .time),
            .value("fieldsType", 6, .string),
            .pointer("fieldsV1", 7, .raw),
            .value("subresource", 8, .string),
        ]
    )

    static let objectMeta = Schema(
        "ObjectMeta",
        [
            .value("name", 1, .string),
            .value("generateName", 2, .string),
            .value("namespace", 3, .string),
            .value("selfLink", 4, .string),
            .value("uid", 5, .string),
            .value("resourceVersion", 6, .string),
            .value("generation", 7, .int64),
            .value("creationTimestamp", 8, .time),
            .pointer("deletionTimestamp", 9, .time),
            .pointer("deletionGracePeriodSeconds", 10, .int64),
            .value("labels", 11, .map(isAtomic: false)),
            .value("annotations", 12, .map(isAtomic: false)),
            .value("ownerReferences", 13, .objects(ownerReference, .keyed(["uid"]))),
            .value("finalizers", 14, .stringSet),
            .value("managedFields", 17, .objects(managedFieldsEntry)),
        ]
    )

    static let listMeta = Schema(
        "ListMeta",
        [
            .value("selfLink", 1, .string),
            .value("resourceVersion", 2, .string),
            .value("continue", 3, .string),
            .pointer("remainingItemCount", 4, .int64),
        ]
    )

    static let statusCause = Schema(
        "StatusCause",
        [.value("reason", 1, .string), .value("message", 2, .string), .value("field", 3, .string)]
    )

    static let statusDetails = Schema(
        "StatusDetails",
        [
            .value("name", 1, .string),
            .value("group", 2, .string),
            .value("kind", 3, .string),
            .value("uid", 6, .string),
            .value("causes", 4, .objects(statusCause)),
            .value("retryAfterSeconds", 5, .int32),
        ]
    )

    static let status = Schema(
        "Status",
        [
            .value("metadata", 1, .object(listMeta)),
            .value("status", 2, .string),
            .value("message", 3, .string),
            .value("reason", 4, .string),
            .pointer("details", 5, .object(statusDetails)),
            .value("code", 6, .int32),
        ]
    )

    static let partialObjectMetadata = Schema("PartialObjectMetadata", [.value("metadata", 1, .object(objectMeta))])

    static let preconditions = Schema(
        "Preconditions",
        [.pointer("uid", 1, .string), .pointer("resourceVersion", 2, .string)]
    )

    static let deleteOptions = Schema(
        "DeleteOptions",
        [
            .pointer("gracePeriodSeconds", 1, .int64),
            .pointer("preconditions", 2, .object(preconditions)),
            .pointer("orphanDependents", 3, .bool),
            .pointer("propagationPolicy", 4, .string),
            .value("dryRun", 5, .strings),
        ]
    )

    /// `Condition` of the meta group, as Services have it.
    static let condition = Schema(
        "Condition",
        [
            .always("type", 1, .string),
            .always("status", 2, .string),
            .value("observedGeneration", 3, .int64),
            .always("lastTransitionTime", 4, .time),
            .always("reason", 5, .string),
            .always("message", 6, .string),
        ]
    )

    /// `PodCondition` and its like: times may be missing, the reason too.
    static let looseCondition = Schema(
        "Condition",
        isOpen: true,
        [
            .always("type", 1, .string),
            .always("status", 2, .string),
            .always("lastTransitionTime", 4, .time),
            .value("reason", 5, .string),
            .value("message", 6, .string),
        ]
    )
}
