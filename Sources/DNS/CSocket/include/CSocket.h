// What Swift cannot import of Linux: recvmmsg and sendmmsg, control messages, what threads can be told. Needs libc only.
//
// Functions return a negative errno where they fail.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Datagrams received together and the answers to them, in memory that is used again and again.
//
// Request i lies at requests + i * request_size; its answer is written to responses + i * response_size.
typedef struct {
    uint32_t capacity;
    uint32_t request_size;
    uint32_t response_size;
    uint8_t *requests;
    uint8_t *responses;
    uint32_t *request_lengths;
    // Zero where no answer goes out.
    uint32_t *response_lengths;
    struct csocket_headers *headers;
} csocket_ring;

// NULL when there is no memory.
csocket_ring *csocket_ring_create(uint32_t capacity, uint32_t request_size, uint32_t response_size);
void csocket_ring_free(csocket_ring *ring);

// Waits for datagrams and takes up to `capacity` that are there. Returns how many; zero after a second without any, or when
// what there was is an error of an earlier datagram.
int csocket_receive(csocket_ring *ring, int socket);

// The address a datagram came from, IPv4 as IPv4-mapped IPv6: its first and last eight octets as numbers.
typedef struct {
    uint64_t high;
    uint64_t low;
} csocket_client_address;

// Where the request `index` of the last batch came from.
csocket_client_address csocket_client(const csocket_ring *ring, int index);

// Sends the answers to the first `count` requests back to where they came from, from the address they were sent to.
// Returns how many could not be sent; whoever misses one will ask again.
int csocket_reply(csocket_ring *ring, int socket, int count);

// A UDP socket bound to an address of 4 or 16 octets. The first one for an address is exclusive while it binds, so that a
// port in use is noticed; then and for the others the port is shared (SO_REUSEPORT) among the sockets of this user.
int csocket_udp_open(const uint8_t *address, int address_length, uint16_t port, bool first);

// The port a socket is bound to.
int csocket_port(int socket);

// Wakes the thread that waits in csocket_receive, now and in future; what has been received is still handed out first.
void csocket_stop_receiving(int socket);

void csocket_close(int socket);

// How many CPUs this process may use.
int csocket_cpu_count(void);

// Keeps the calling thread on one CPU.
int csocket_pin_thread(int cpu);

// Names the calling thread for tools that list threads; 15 octets are kept.
void csocket_name_thread(const char *name);

// Raises the limit on open files as far as it may be raised, and returns it.
int64_t csocket_raise_file_limit(void);
