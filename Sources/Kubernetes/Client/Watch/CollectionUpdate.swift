package import KubernetesObjects

/// What a ``Reflector`` tells of its collection, in order.
package enum CollectionUpdate<Object: KubernetesObject>: Sendable {
    /// Everything there is, replacing whatever was told before. Unreadable objects exist all the same.
    case snapshot([Object], unreadable: [MalformedObject])
    /// What changed since, in order; all that arrived together is told together.
    case changes([ObjectChange<Object>])
    /// The server confirmed that nothing else has changed.
    case confirmed
    /// The present state is out of reach; what was told stays valid. Repeated with each failed attempt.
    case troubled(Trouble)
    /// What was told is the present state again.
    case recovered
    case restarted(RestartReason)
}

package enum ObjectChange<Object: KubernetesObject>: Sendable {
    case set(Object)
    case removed(Object)
    /// Changed to something that cannot be read.
    case unreadable(MalformedObject)
}
