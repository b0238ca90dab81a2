/// Certificates for tests, of keys used nowhere else: EC P-256, valid from 2020 to 2120 unless the name says otherwise.
package enum Certificates {
    /// Issuer of all that follow, but for `otherAuthority`.
    package static let authority = PEMText(
        name: "authority",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBfDCCASGgAwIBAgIUXXG1w7VGaBZaibfrZJ1jhY8q11AwCgYIKoZIzj0EAwIw
            EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw
            MDAwMFowEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
            A0IABNyTZACxE/qffDARutISgm/+NYBSuJyxqgvohAkViKdKr7T6/2Zf8Tju/9uD
            IGczInuM5ZGfsbSph7L0wy/z3rOjUzBRMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0O
            BBYEFBYkUrTYfjwCzmzuJ9GAVapMTl+TMB8GA1UdIwQYMBaAFBYkUrTYfjwCzmzu
            J9GAVapMTl+TMAoGCCqGSM49BAMCA0kAMEYCIQCU2A45nl03ifRctn/1/Ojz4Vo2
            UBFcP7eVWFUCYQtUAwIhAM4hdwasOQpidNK2GSrVPZbchQeGIZu5MnWjnk/0qlkJ
            -----END CERTIFICATE-----
            """
    )

    /// An authority that issued nothing.
    package static let otherAuthority = PEMText(
        name: "otherAuthority",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBfjCCASOgAwIBAgIUdntYsjlFLEVAkSGW6NTdXmpI6iYwCgYIKoZIzj0EAwIw
            EzERMA8GA1UEAwwIT3RoZXIgQ0EwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEw
            MDAwMDBaMBMxETAPBgNVBAMMCE90aGVyIENBMFkwEwYHKoZIzj0CAQYIKoZIzj0D
            AQcDQgAEKTfh2ldk0d+bVAV0lolNf2tHBkhGygXRNmi2N00U+x84yc1vUIssbn9I
            vub/Tgpkvoxf6vgFsGR7SmyFiuGJqKNTMFEwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
            HQ4EFgQU8zm3wEUszfkz2xwzoIGQYl9UHkkwHwYDVR0jBBgwFoAU8zm3wEUszfkz
            2xwzoIGQYl9UHkkwCgYIKoZIzj0EAwIDSQAwRgIhAK8ACUfMcTRa3w/FO5DNwrUG
            zGOcAEInHYK6DxR/SUMpAiEA9/YsLZ5G6aj/yh3xkgT88cCy7UIPVIcXwVHhjRYg
            17w=
            -----END CERTIFICATE-----
            """
    )

    /// For `localhost`, 127.0.0.1 and ::1.
    package static let server = PEMText(
        name: "server",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBvTCCAWKgAwIBAgIUYJHTFIHsmrOSIOGwMeLpe62+q0QwCgYIKoZIzj0EAwIw
            EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw
            MDAwMFowETEPMA0GA1UEAwwGc2VydmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
            QgAEJfY+/oH7V5cVyMFwEbBnTZU4V7vqnYi1WDbPdxtSk6JVkaFRM5+QqNk1vNio
            UK7cYjyTvZxv1nqviLTdEN5HJ6OBlDCBkTAMBgNVHRMBAf8EAjAAMB0GA1UdDgQW
            BBQqilqgFdNsI3xaQazJAJHTnlEVKzAfBgNVHSMEGDAWgBQWJFK02H48As5s7ifR
            gFWqTE5fkzAsBgNVHREEJTAjgglsb2NhbGhvc3SHBH8AAAGHEAAAAAAAAAAAAAAA
            AAAAAAEwEwYDVR0lBAwwCgYIKwYBBQUHAwEwCgYIKoZIzj0EAwIDSQAwRgIhAL6t
            e6l43oO13tMytuMQScYPWL5GZ9+stPtPVMvffdm1AiEA+SNqGSj+xBUHS6HrMktE
            KEoLLikjUeD5g+Qpm1Y+ksM=
            -----END CERTIFICATE-----
            """
    )

    /// The key of `server`, `expiredServer`, `futureServer` and `namedServer`.
    package static let serverKey = PEMText(
        name: "serverKey",
        text: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1P2P//Z0aYf1c2QX
            bfMgROxofrX1SXTJ1umMdYLjbGOhRANCAAQl9j7+gftXlxXIwXARsGdNlThXu+qd
            iLVYNs93G1KTolWRoVEzn5Co2TW82KhQrtxiPJO9nG/Weq+ItN0Q3kcn
            -----END PRIVATE KEY-----
            """
    )

    /// Like `server`, but valid until 2021.
    package static let expiredServer = PEMText(
        name: "expiredServer",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBuzCCAWGgAwIBAgIUW4/nsFkLASaP/+dnEEZ4PEu9T9IwCgYIKoZIzj0EAwIw
            EjEQMA4GA1UEAwwHVGVzdCBDQTAeFw0yMDAxMDEwMDAwMDBaFw0yMTAxMDEwMDAw
            MDBaMBIxEDAOBgNVBAMMB2V4cGlyZWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
            AAQl9j7+gftXlxXIwXARsGdNlThXu+qdiLVYNs93G1KTolWRoVEzn5Co2TW82KhQ
            rtxiPJO9nG/Weq+ItN0Q3kcno4GUMIGRMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYE
            FCqKWqAV02wjfFpBrMkAkdOeURUrMB8GA1UdIwQYMBaAFBYkUrTYfjwCzmzuJ9GA
            VapMTl+TMCwGA1UdEQQlMCOCCWxvY2FsaG9zdIcEfwAAAYcQAAAAAAAAAAAAAAAA
            AAAAATATBgNVHSUEDDAKBggrBgEFBQcDATAKBggqhkjOPQQDAgNIADBFAiB8s2M4
            ITSlBppFX9t5RcKVHCYMiHKsDRjPqHGGGEyEDAIhANgVa23HuUiB4Iab2W/vhIMX
            qN7guBUKkzWimgF8706U
            -----END CERTIFICATE-----
            """
    )

    /// Like `server`, but valid from 2110.
    package static let futureServer = PEMText(
        name: "futureServer",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBvjCCAWSgAwIBAgIUWt5BJ64nrQYSfN4mh1YL4EjBBjIwCgYIKoZIzj0EAwIw
            EjEQMA4GA1UEAwwHVGVzdCBDQTAiGA8yMTEwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
            MDAwMDAwWjARMQ8wDQYDVQQDDAZmdXR1cmUwWTATBgcqhkjOPQIBBggqhkjOPQMB
            BwNCAAQl9j7+gftXlxXIwXARsGdNlThXu+qdiLVYNs93G1KTolWRoVEzn5Co2TW8
            2KhQrtxiPJO9nG/Weq+ItN0Q3kcno4GUMIGRMAwGA1UdEwEB/wQCMAAwHQYDVR0O
            BBYEFCqKWqAV02wjfFpBrMkAkdOeURUrMB8GA1UdIwQYMBaAFBYkUrTYfjwCzmzu
            J9GAVapMTl+TMCwGA1UdEQQlMCOCCWxvY2FsaG9zdIcEfwAAAYcQAAAAAAAAAAAA
            AAAAAAAAATATBgNVHSUEDDAKBggrBgEFBQcDATAKBggqhkjOPQQDAgNIADBFAiAX
            1ihsYHNrv/2Eg8bqqIdT9iLn2+nWdyyCiXByy/ju0wIhAIef388zWO2ci65kE4ZM
            f1pVoVseRD+Ibh6s2L5rQDkU
            -----END CERTIFICATE-----
            """
    )

    /// For `kubernetes.default.svc` alone.
    package static let namedServer = PEMText(
        name: "namedServer",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBsTCCAVagAwIBAgIUTyiCndaVpcSPN3S1ti6/BYDSLzUwCgYIKoZIzj0EAwIw
            EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw
            MDAwMFowEDEOMAwGA1UEAwwFbmFtZWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
            AAQl9j7+gftXlxXIwXARsGdNlThXu+qdiLVYNs93G1KTolWRoVEzn5Co2TW82KhQ
            rtxiPJO9nG/Weq+ItN0Q3kcno4GJMIGGMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYE
            FCqKWqAV02wjfFpBrMkAkdOeURUrMB8GA1UdIwQYMBaAFBYkUrTYfjwCzmzuJ9GA
            VapMTl+TMCEGA1UdEQQaMBiCFmt1YmVybmV0ZXMuZGVmYXVsdC5zdmMwEwYDVR0l
            BAwwCgYIKwYBBQUHAwEwCgYIKoZIzj0EAwIDSQAwRgIhAKW1Xl2Lmge9IiuLalt1
            gITHwDOmPob5nL86nEXlOeRYAiEA9ojoW/rxdZ/xn0EbuNtmu5qN6nEQyDmRhq3N
            Z9YKtbA=
            -----END CERTIFICATE-----
            """
    )

    /// A client's.
    package static let client = PEMText(
        name: "client",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBizCCATKgAwIBAgIUUQSja3STG07ZyyQo2mKKNK0vNAgwCgYIKoZIzj0EAwIw
            EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw
            MDAwMFowETEPMA0GA1UEAwwGY2xpZW50MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
            QgAESGrHQZUu9wGMa66oC9r+8+WQ2McN7s69RQEr3GmuFBvLbsIo6xcyvYExUo1Z
            2llz1z+vrJNqS9mzFOs0BARVuqNlMGMwDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQU
            hV0kDP/Uo2oBf8U+mWqMiUa0sG0wHwYDVR0jBBgwFoAUFiRStNh+PALObO4n0YBV
            qkxOX5MwEwYDVR0lBAwwCgYIKwYBBQUHAwIwCgYIKoZIzj0EAwIDRwAwRAIgYoPH
            Pp9TmAZoPcfpco3eEXNvqByM3nWN0L2JJJkiVhwCIFRKwhTjwTApF40zban/xTsF
            QQgYXrC1NOVAwakoXgjQ
            -----END CERTIFICATE-----
            """
    )

    /// The key of `client`.
    package static let clientKey = PEMText(
        name: "clientKey",
        text: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgo98r9O6L0OKMGxf7
            5zwnyP/TsMLlM7RcvJFYK8xbhWuhRANCAARIasdBlS73AYxrrqgL2v7z5ZDYxw3u
            zr1FASvcaa4UG8tuwijrFzK9gTFSjVnaWXPXP6+sk2pL2bMU6zQEBFW6
            -----END PRIVATE KEY-----
            """
    )

    /// A client's, with the same key, that no authority issued.
    package static let selfSigned = PEMText(
        name: "selfSigned",
        text: """
            -----BEGIN CERTIFICATE-----
            MIIBhzCCAS2gAwIBAgIUFfqRN+UBHdLxqueFVPpCV/ZUWn8wCgYIKoZIzj0EAwIw
            DzENMAsGA1UEAwwEc2VsZjAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAw
            MFowDzENMAsGA1UEAwwEc2VsZjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEhq
            x0GVLvcBjGuuqAva/vPlkNjHDe7OvUUBK9xprhQby27CKOsXMr2BMVKNWdpZc9c/
            r6yTakvZsxTrNAQEVbqjZTBjMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFIVdJAz/
            1KNqAX/FPplqjIlGtLBtMB8GA1UdIwQYMBaAFIVdJAz/1KNqAX/FPplqjIlGtLBt
            MBMGA1UdJQQMMAoGCCsGAQUFBwMCMAoGCCqGSM49BAMCA0gAMEUCIB5ya2MKOlFC
            X0eLtpmZwnmuhevfyRyNkNvZI6C2Zv2AAiEA5xPexA/GxTehN4pOJz0K2ql1V87j
            4ROq2MKjjz3EdwA=
            -----END CERTIFICATE-----
            """
    )

    /// The same key under a passphrase.
    package static let encryptedClientKey = PEMText(
        name: "encryptedClientKey",
        text: """
            -----BEGIN ENCRYPTED PRIVATE KEY-----
            MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBBh2PP9LmYH9rjWadCO
            VIXAAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQJt4sBzT/YOpAdMAM
            IgSQuASBkCf/qhlBoGmBTzRzNkMlGBSlKHpd7LWr+R8QGD8WFt/j8X4Jwu3KBKNv
            rKP8/wYVtCF1ngf8zuE1GrVQGira133MqpTyFVnK/tvPJpaZ3PX//7id/1LjBDHa
            Y9mEVk4wdU2MSbkbTyNQCrMI2mcYXZdsFK5t03eZpDjj1dUl4LSVj4Es3CvLgmQw
            avqZfpGMFQ==
            -----END ENCRYPTED PRIVATE KEY-----
            """
    )
}

/// Shown by its name in test results.
package struct PEMText: Sendable, CustomStringConvertible {
    package let name: String
    package let text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    package var description: String { name }
    package var bytes: [UInt8] { Array(text.utf8) }
}
