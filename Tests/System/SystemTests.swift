import Testing

/// The built program between servers. One bridge at a time: each is a process with threads of its own.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SystemTests {}
