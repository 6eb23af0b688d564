using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies an assembly, with every internal type, method and field made public, for the compiler to read.
/// It flips the access bits in the metadata tables (ECMA-335, part II, 22 and 24) and leaves the rest as it is.
/// An inline MSBuild task may use netstandard only, which has no reader of metadata.
/// </summary>
public sealed class PublicizeAssembly : Task
{
    private const int TypeDef = 0x02;
    private const int Field = 0x04;
    private const int MethodDef = 0x06;

    private byte[] _image = Array.Empty<byte>();
    private readonly int[] _rows = new int[64];
    private int _stringSize;
    private int _guidSize;
    private int _blobSize;

    [Required]
    public string Source { get; set; } = "";

    [Required]
    public string Destination { get; set; } = "";

    public override bool Execute()
    {
        FileInfo source = new FileInfo(Source);
        FileInfo destination = new FileInfo(Destination);
        if (destination.Exists && destination.LastWriteTimeUtc >= source.LastWriteTimeUtc && destination.Length == source.Length)
        {
            return true;
        }

        _image = File.ReadAllBytes(Source);
        try
        {
            MakePublic();
        }
        catch (Exception e) when (e is InvalidDataException || e is IndexOutOfRangeException || e is ArgumentException)
        {
            Log.LogError("'{0}' must be a .NET assembly with compressed metadata, but it could not be read: {1}", Source, e.Message);
            return false;
        }

        // Projects may build in parallel: write aside, then move, so that nobody reads half a file.
        Directory.CreateDirectory(destination.DirectoryName);
        string aside = Destination + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(aside, _image);
        if (destination.Exists)
        {
            File.Delete(Destination);
        }

        File.Move(aside, Destination);
        return true;
    }

    private void MakePublic()
    {
        int position = FindTables();
        byte heapSizes = _image[position + 6];
        _stringSize = (heapSizes & 1) != 0 ? 4 : 2;
        _guidSize = (heapSizes & 2) != 0 ? 4 : 2;
        _blobSize = (heapSizes & 4) != 0 ? 4 : 2;
        ulong present = BitConverter.ToUInt64(_image, position + 8);
        position += 24;
        for (int table = 0; table < 64; table++)
        {
            if ((present >> table & 1) != 0)
            {
                _rows[table] = BitConverter.ToInt32(_image, position);
                position += 4;
            }
        }

        for (int table = 0; table <= MethodDef; table++)
        {
            int size = RowSize(table);
            for (int row = 0; row < _rows[table]; row++, position += size)
            {
                switch (table)
                {
                    case TypeDef:
                        FlipType(position);
                        break;
                    case Field:
                        FlipMember(position);
                        break;
                    case MethodDef:
                        FlipMember(position + 6);
                        break;
                }
            }
        }
    }

    // Visibility of a type: 0 internal, 1 public; nested: 2 public, 5 internal.
    private void FlipType(int position)
    {
        int visibility = _image[position] & 7;
        if (visibility == 0 || visibility == 5)
        {
            _image[position] = (byte)(_image[position] & ~7 | (visibility == 0 ? 1 : 2));
        }
    }

    // Access of a member: 3 internal, 6 public. Protected internal stays, so that overrides still match.
    private void FlipMember(int position)
    {
        if ((_image[position] & 7) == 3)
        {
            _image[position] = (byte)(_image[position] & ~7 | 6);
        }
    }

    private int RowSize(int table)
    {
        switch (table)
        {
            case 0x00: // Module: generation, name, three guids
                return 2 + _stringSize + (3 * _guidSize);
            case 0x01: // TypeRef: scope (Module, ModuleRef, AssemblyRef or TypeRef), name, namespace
                return IndexSize(2, 0x00, 0x1A, 0x23, 0x01) + (2 * _stringSize);
            case TypeDef: // flags, name, namespace, base (TypeDef, TypeRef or TypeSpec), first field, first method
                return 4 + (2 * _stringSize) + IndexSize(2, TypeDef, 0x01, 0x1B) + IndexSize(0, Field) + IndexSize(0, MethodDef);
            case Field: // flags, name, signature
                return 2 + _stringSize + _blobSize;
            case MethodDef: // address, implementation flags, flags, name, signature, first parameter
                return 4 + 2 + 2 + _stringSize + _blobSize + IndexSize(0, 0x08);
            default: // FieldPtr and MethodPtr exist in uncompressed metadata only
                return _rows[table] == 0 ? 0 : throw new InvalidDataException("the metadata are not compressed.");
        }
    }

    private int IndexSize(int tagBits, params int[] tables)
    {
        foreach (int table in tables)
        {
            if (_rows[table] >= 1 << (16 - tagBits))
            {
                return 4;
            }
        }

        return 2;
    }

    // From the PE header over the CLI header to the metadata's stream "#~".
    private int FindTables()
    {
        int header = BitConverter.ToInt32(_image, 0x3C);
        if (BitConverter.ToInt32(_image, header) != 0x4550)
        {
            throw new InvalidDataException("it has no PE header.");
        }

        int optional = header + 24;
        int directories = optional + (BitConverter.ToUInt16(_image, optional) == 0x20B ? 112 : 96);
        int cli = Offset(header, BitConverter.ToInt32(_image, directories + (14 * 8)));
        int root = Offset(header, BitConverter.ToInt32(_image, cli + 8));
        int position = root + 16 + BitConverter.ToInt32(_image, root + 12);
        int streams = BitConverter.ToUInt16(_image, position + 2);
        position += 4;
        for (int stream = 0; stream < streams; stream++)
        {
            int name = position + 8;
            int length = Array.IndexOf(_image, (byte)0, name) - name;
            if (Encoding.ASCII.GetString(_image, name, length) == "#~")
            {
                return root + BitConverter.ToInt32(_image, position);
            }

            position = name + ((length + 4) & ~3);
        }

        throw new InvalidDataException("it has no stream '#~'.");
    }

    private int Offset(int header, int address)
    {
        int section = header + 24 + BitConverter.ToUInt16(_image, header + 20);
        for (int i = 0; i < BitConverter.ToUInt16(_image, header + 6); i++, section += 40)
        {
            int start = BitConverter.ToInt32(_image, section + 12);
            if (address >= start && address < start + BitConverter.ToInt32(_image, section + 16))
            {
                return address - start + BitConverter.ToInt32(_image, section + 20);
            }
        }

        throw new InvalidDataException("an address lies outside its sections.");
    }
}
